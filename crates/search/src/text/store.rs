//! The text index as files: its fields, its folder, and how far it has come.

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use files::Folder;
use serde::{Deserialize, Serialize};
use tantivy::directory::{RamDirectory, TerminatingWrite as _};
use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{Directory as _, Index, IndexReader, IndexWriter, ReloadPolicy};

use super::whole::WholeFiles;
use crate::document::Level;
use crate::{IndexError, limits};

/// Changes whenever the same entry would be indexed in another way: an older index is then built anew.
const SCHEMA_VERSION: u32 = 3;
/// The tokenizer for texts that are analysed already: terms parted by blanks.
const TERMS: &str = "terms";
/// The text index, in the index folder.
const FOLDER: &str = "text";
/// Held by the process that uses an index folder. It stands beside the text index, which may be taken away and made anew
/// meanwhile.
const LOCK: &str = ".lock";
/// What the library calls its list of segments, and its list of files.
const META: &str = "meta.json";
/// See [`META`].
const MANAGED: &str = ".managed.json";

/// An index folder that no other process uses for as long as this is there.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "it is held, not read")] File);

impl FolderLock {
    /// Takes the folder, which is made where it is not there; the one that it lies in must be.
    ///
    /// # Errors
    /// [`IndexError::InUse`] where another process has it, [`IndexError::Foreign`] where it is somebody else's, and
    /// [`IndexError::Folder`] where it cannot be used.
    pub fn take(folder: &Path) -> Result<Self, IndexError> {
        only_ours(folder)?;
        files::make(folder)?;
        let file = files::open(
            &folder.join(LOCK),
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600),
        )?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(IndexError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// Refuses a folder with anything in it that an index does not write: what is made anew is removed first, and a folder that
/// was named by mistake may hold whatever is dear to somebody.
fn only_ours(folder: &Path) -> Result<(), IndexError> {
    let refuse = |path: &Path| IndexError::Foreign(path.display().to_string());
    let text = folder.join(FOLDER);
    for (folder, is_ours) in [
        (folder, is_of_index as fn(&str) -> bool),
        (&text, is_of_text),
    ] {
        if !folder.is_dir() {
            continue;
        }
        for item in std::fs::read_dir(folder)? {
            let item = item?;
            // A pipe under the name of a file would be waited for.
            let is_plain = item.file_type()?.is_file() || item.file_type()?.is_dir();
            if !is_plain || !item.file_name().to_str().is_some_and(is_ours) {
                return Err(refuse(&item.path()));
            }
        }
    }
    Ok(())
}

fn is_of_index(name: &str) -> bool {
    name == FOLDER || name == LOCK || name.starts_with(".lotse-")
}

/// What the library writes: segments, its own lists and locks, and what it replaces these by.
fn is_of_text(name: &str) -> bool {
    let is_known = name == META || name == MANAGED;
    is_known
        || name.starts_with(".tantivy-")
        || name.starts_with(".tmp")
        || segment_of(name).is_some()
}

/// Of which segment a file is: 32 hexadecimal digits, and behind a dot what it holds.
fn segment_of(name: &str) -> Option<&str> {
    let (id, _) = name.split_once('.')?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}

/// Where an index lies on disk, whether it can be used at the moment or not.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    folder: PathBuf,
    /// The folder that it lies in. Where that was moved or unmounted nothing is made in its place.
    above: Folder,
}

impl Home {
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            above: Folder::at(files::above(folder)),
        }
    }

    /// Takes it, as [`FolderLock::take`] does.
    pub(crate) fn take(&self) -> Result<FolderLock, IndexError> {
        self.above.is_there()?;
        FolderLock::take(&self.folder)
    }

    /// The index folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the text index in it.
    pub(crate) fn text(&self) -> PathBuf {
        folder_of(&self.folder)
    }
}

/// The fields of a text document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// The key's hash: what joins a text document to its columns.
    pub(crate) key: Field,
    /// Terms that each level sees beyond what wider ones see.
    levels: [Field; 3],
}

impl Fields {
    pub(crate) fn level(&self, level: Level) -> Field {
        let [public, network, owner] = self.levels;
        match level {
            Level::Public => public,
            Level::Network => network,
            Level::Owner => owner,
        }
    }
}

/// What the index notes with each commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    schema: u32,
    pub(crate) generation: String,
    /// All changes up to this number are in it.
    pub(crate) through: i64,
}

/// Why the index in a folder is not used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// There is none.
    Missing,
    /// It belongs to another state of the database, or was made by another version.
    Other,
    /// It cannot be read as it was written.
    Damaged(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no text index"),
            Self::Other => f.write_str("it belongs to another state of the database"),
            Self::Damaged(cause) => write!(f, "it is damaged: {cause}"),
        }
    }
}

/// The text index, opened.
pub(crate) struct Store {
    pub(crate) index: Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    pub(crate) progress: Progress,
    place: Place,
}

/// Where the files of an index are.
enum Place {
    Disk(WholeFiles),
    Memory(RamDirectory),
}

/// The text index of an index folder.
pub(crate) fn folder_of(index_folder: &Path) -> PathBuf {
    index_folder.join(FOLDER)
}

impl Store {
    /// Opens what is in `folder`. All of its files are read and compared with their checksums.
    pub(crate) fn existing(folder: &Path, generation: &str) -> Result<Self, Unusable> {
        if !folder.exists() {
            return Err(Unusable::Missing);
        }
        // The library panics over some kinds of damage.
        health::caught(|| open(folder, generation))
            .unwrap_or_else(|panicked| Err(Unusable::Damaged(panicked.to_string())))
    }

    /// An empty one in `folder`, or in memory. What was in the folder is removed.
    pub(crate) fn empty(folder: Option<&Path>, generation: &str) -> Result<Self, IndexError> {
        let (schema, fields) = schema();
        let progress = Progress {
            schema: SCHEMA_VERSION,
            generation: generation.to_owned(),
            through: i64::MIN,
        };
        let settings = tantivy::IndexSettings::default();
        let Some(folder) = folder else {
            let memory = RamDirectory::create();
            let index = Index::create(memory.clone(), schema, settings)?;
            return Self::with(index, fields, progress, Place::Memory(memory));
        };
        let files = emptied(folder)?;
        let index = Index::create(files.clone(), schema, settings)?;
        Self::with(index, fields, progress, Place::Disk(files))
    }

    /// Whether its files are in memory only.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.place, Place::Memory(_))
    }

    /// What is in memory, as it was last committed, in `folder`. What was in the folder is removed. A copy that is not whole,
    /// because segments were merged meanwhile, is an error.
    pub(crate) fn on_disk(&self, folder: &Path) -> Result<Self, IndexError> {
        let files = emptied(folder)?;
        if let Place::Memory(memory) = &self.place {
            // The list of segments comes last: without it nothing counts.
            let lists = [MANAGED, META].map(|name| (name, memory.atomic_read(Path::new(name))));
            let living = self.living()?;
            let is_living = |path: &PathBuf| {
                let id = path.to_str().and_then(segment_of);
                id.is_some_and(|id| living.contains(id))
            };
            let there = self.index.directory().list_managed_files();
            for path in there.into_iter().filter(is_living) {
                let read = memory.open_read(&path);
                let bytes = read.map_err(tantivy::TantivyError::from)?.read_bytes()?;
                let out = files.open_write(&path);
                let mut out = out.map_err(tantivy::TantivyError::from)?;
                out.write_all(&bytes)?;
                out.terminate()?;
            }
            for (name, list) in lists {
                let list = list.map_err(tantivy::TantivyError::from)?;
                files.atomic_write(Path::new(name), &list)?;
            }
            files.sync_directory()?;
        }
        Self::existing(folder, &self.progress.generation)
            .map_err(|why| std::io::Error::other(why.to_string()).into())
    }

    fn with(
        index: Index,
        fields: Fields,
        progress: Progress,
        place: Place,
    ) -> Result<Self, IndexError> {
        index
            .tokenizers()
            .register(TERMS, TextAnalyzer::from(WhitespaceTokenizer::default()));
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            index,
            reader,
            fields,
            progress,
            place,
        })
    }

    /// Whether nothing was ever committed to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.progress.through == i64::MIN
    }

    /// Whether its files are still what they were when they were read.
    pub(crate) fn verify(&self) -> std::io::Result<()> {
        self.files().map_or(Ok(()), WholeFiles::verify)
    }

    /// Whether files of segments are there that are part of it no more. While somebody still looks at a segment its files
    /// stay, and the library does not come back for them by itself.
    pub(crate) fn has_orphans(&self) -> tantivy::Result<bool> {
        let Some(files) = self.files() else {
            return Ok(false);
        };
        let living = self.living()?;
        let there = std::fs::read_dir(files.root())?;
        let orphan = |item: std::fs::DirEntry| {
            let name = item.file_name();
            let id = name.to_str().and_then(segment_of);
            id.is_some_and(|id| !living.contains(id))
        };
        Ok(there.filter_map(Result::ok).any(orphan))
    }

    /// The segments that are part of it.
    fn living(&self) -> tantivy::Result<HashSet<String>> {
        let living = self.index.searchable_segment_ids()?;
        Ok(living.iter().map(SegmentId::uuid_string).collect())
    }

    fn files(&self) -> Option<&WholeFiles> {
        match &self.place {
            Place::Disk(files) => Some(files),
            Place::Memory(_) => None,
        }
    }

    /// Keeps threads of the library that still work on it from touching its folder.
    pub(crate) fn close(&self) {
        if let Some(files) = self.files() {
            files.close();
        }
    }

    pub(crate) fn writer(&self) -> Result<IndexWriter, IndexError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(limits::TEXT_MEMORY)
            .build();
        let writer = self.index.writer_with_options(options)?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(limits::MERGE_AT);
        policy.set_min_layer_size(1_000);
        policy.set_del_docs_ratio_before_merge(limits::DEAD_PERCENT as f32 / 100.0);
        writer.set_merge_policy(Box::new(policy));
        Ok(writer)
    }

    /// What the next commit notes.
    pub(crate) fn payload(&self, through: i64) -> String {
        let progress = Progress {
            through,
            ..self.progress.clone()
        };
        // Two numbers and a string cannot fail to serialise; an empty note would only mean building anew.
        serde_json::to_string(&progress).unwrap_or_default()
    }
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let key = builder.add_u64_field("key", INDEXED | FAST);
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TERMS)
        .set_index_option(IndexRecordOption::WithFreqs);
    let options = TextOptions::default().set_indexing_options(indexing);
    let levels =
        ["public", "network", "owner"].map(|name| builder.add_text_field(name, options.clone()));
    (builder.build(), Fields { key, levels })
}

/// A folder with nothing in it, whatever was there.
fn emptied(folder: &Path) -> Result<WholeFiles, IndexError> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder)?;
    } else if folder.exists() {
        std::fs::remove_file(folder)?;
    }
    files::make(folder)?;
    Ok(WholeFiles::open(folder)?)
}

/// The index that a folder holds.
fn open(folder: &Path, generation: &str) -> Result<Store, Unusable> {
    let damaged = |error: tantivy::TantivyError| Unusable::Damaged(error.to_string());
    let files = WholeFiles::open(folder).map_err(damaged)?;
    let index = Index::open(files.clone()).map_err(damaged)?;
    let payload = index.load_metas().map_err(damaged)?.payload;
    let progress = payload.and_then(|note| serde_json::from_str::<Progress>(&note).ok());
    let (schema, fields) = schema();
    let Some(progress) = progress else {
        // Before its first commit it holds nothing.
        return Err(Unusable::Other);
    };
    let is_ours = progress.schema == SCHEMA_VERSION && progress.generation == generation;
    if !is_ours || index.schema() != schema {
        return Err(Unusable::Other);
    }
    Store::with(index, fields, progress, Place::Disk(files))
        .map_err(|error| Unusable::Damaged(error.to_string()))
}
