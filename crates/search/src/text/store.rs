//! The text index as files: its fields, its folder, and how far it has come.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy};

use crate::document::Level;
use crate::{IndexError, limits};

/// Changes whenever the same entry would be indexed in another way: an older index is then built anew.
const SCHEMA_VERSION: u32 = 2;
/// The tokenizer for texts that are analysed already: terms parted by blanks.
const TERMS: &str = "terms";
const FOLDER: &str = "text";

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
    generation: String,
    /// All changes up to this number are in it.
    pub(crate) through: i64,
}

/// The text index, opened.
pub(crate) struct Store {
    pub(crate) index: Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    pub(crate) progress: Progress,
}

impl Store {
    /// Opens the index in `folder`, or in memory. An index of another generation or schema, and one that cannot be
    /// read, is deleted and starts empty.
    pub(crate) fn open(folder: Option<&Path>, generation: &str) -> Result<Self, IndexError> {
        let (schema, fields) = schema();
        let empty = Progress {
            schema: SCHEMA_VERSION,
            generation: generation.to_owned(),
            through: i64::MIN,
        };
        let Some(folder) = folder else {
            return Self::with(Index::create_in_ram(schema), fields, empty);
        };
        let folder = folder.join(FOLDER);
        match existing(&folder) {
            Some((index, progress))
                if progress.schema == SCHEMA_VERSION && progress.generation == generation =>
            {
                return Self::with(index, fields, progress);
            }
            Some(_) => tracing::info!(
                "the text index belongs to another state of the database and is built anew"
            ),
            None => {}
        }
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let directory = MmapDirectory::open(&folder).map_err(tantivy::TantivyError::from)?;
        Self::with(
            Index::create(directory, schema, tantivy::IndexSettings::default())?,
            fields,
            empty,
        )
    }

    fn with(index: Index, fields: Fields, progress: Progress) -> Result<Self, IndexError> {
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
        })
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

/// The index that a folder holds, with how far it has come.
fn existing(folder: &Path) -> Option<(Index, Progress)> {
    let index = Index::open(MmapDirectory::open(folder).ok()?).ok()?;
    if index.schema() != schema().0 {
        return None;
    }
    let payload = index.load_metas().ok()?.payload?;
    Some((index, serde_json::from_str(&payload).ok()?))
}
