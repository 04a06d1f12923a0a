//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::{EntryId, Origin};

/// A node of Lotse, the federated directory for international migration social work.
#[derive(Debug, Parser)]
#[command(name = "lotse", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Flags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings that can be given for one call. They come after the file and the variables `LOTSE_...`.
#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// Configuration file [default: lotse.toml, where it exists].
    #[arg(long, global = true, env = "LOTSE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for the database, keys and search index.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Public base URL of this node.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Database: `sqlite://path` or `postgres://...`.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Worker threads that answer requests.
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) workers: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node.
    Serve,
    /// Run a node with the demo directory, and print credentials to try it with.
    Demo,
    /// Set up a node: its database, keys, operator and first admin.
    Init(Init),
    /// Upgrade the database to this version.
    Migrate,
    /// Make, list and change accounts.
    #[command(subcommand)]
    Account(Account),
    /// Make, list and revoke clients of organisations.
    #[command(subcommand)]
    Client(Client),
    /// Peers: nodes whose entries are shown here, and that show ours.
    #[command(subcommand)]
    Peer(Peer),
    /// The keys with which this node signs what it tells other nodes.
    #[command(subcommand)]
    Keys(Keys),
    /// Publish everything anew, by the word of the recovery key: after a restore, or where keys were lost.
    ///
    /// What was deleted since the backup is deleted again first. What was taken out of a feed since is visible to its
    /// owner only, until somebody has looked at it.
    NewEpoch {
        /// The file of the recovery key.
        #[arg(long, value_name = "FILE")]
        recovery_key: PathBuf,
        /// Go on though the journal is lost that says what was deleted: hides every entry of this node until its owner
        /// publishes it again.
        #[arg(long)]
        without_journal: bool,
    },
    /// The restore journal: what this node has published, kept outside of its database.
    #[command(subcommand)]
    Journal(Journal),
    /// Write entries from a file of JSON lines, as coordinator.
    Import(Import),
    /// Write all entries to a file of JSON lines.
    Export(Export),
    /// Build the search index anew at the next start.
    Reindex,
    /// Compare database, search index and references, and say what differs.
    Check,
    /// Write the whole database to an archive.
    Backup {
        /// The file to write. It must not exist.
        file: PathBuf,
    },
    /// Fill a new, empty database from an archive.
    Restore {
        /// The archive.
        file: PathBuf,
    },
    /// Print the quality standard that comes with this program, as a draft to be sent to `POST /api/v1/quality-standards`.
    Standard,
    /// Print the OpenAPI document.
    Openapi,
    /// Ask a running node whether it is ready; for containers and supervisors.
    Health {
        /// What for: reading (unless given), writing, publishing, text or following. May be given several times.
        #[arg(long = "for", value_name = "ABILITY")]
        abilities: Vec<String>,
    },
    /// Show every setting, its value and where it comes from.
    Config,
}

/// Set up a node.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Mailbox of the first admin: of a function, not of a person.
    #[arg(long)]
    pub(crate) email: String,
    /// Name of the organisation that runs this node.
    #[arg(long, default_value = "Operator of this node")]
    pub(crate) operator: String,
    /// Its seat: ISO 3166-1 alpha-2, or XK.
    #[arg(long, default_value = "DE")]
    pub(crate) country: String,
    /// Its type: a code of the list org_type.
    #[arg(long = "type", default_value = "network")]
    pub(crate) organisation_type: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account and print its password.
    Add {
        /// Mailbox of a function.
        email: String,
        /// editor, org_admin, coordinator or node_admin.
        #[arg(long)]
        role: String,
        /// The organisation, for editor and org_admin.
        #[arg(long)]
        organisation: Option<EntryId>,
    },
    /// List accounts.
    List,
    /// Give an account a new password and print it. Ends its sessions.
    Password {
        /// Its mailbox.
        email: String,
    },
    /// Let an account sign in no longer.
    Disable {
        /// Its mailbox.
        email: String,
    },
    /// Let an account sign in again.
    Enable {
        /// Its mailbox.
        email: String,
    },
    /// Erase what a disabled account says of anybody, at once; after 90 days that happens by itself.
    Erase {
        /// Its mailbox.
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// Make a client and print its secret.
    Add {
        /// The organisation that it acts for.
        organisation: EntryId,
        /// What it is called.
        #[arg(long, default_value = "made at the console")]
        label: String,
    },
    /// List the clients of an organisation.
    List {
        /// The organisation.
        organisation: EntryId,
    },
    /// Revoke a client.
    Revoke {
        /// Its id.
        id: uuid::Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Peer {
    /// Show who this node is: tell the fingerprint to the admin of the other node.
    Id,
    /// Ask another node whether this one may follow it.
    Add {
        /// Its base URL.
        url: Origin,
        /// Its fingerprint, as its admin said it; then it is approved at once.
        #[arg(long)]
        fingerprint: Option<String>,
        /// Follow its public feed only, which needs nobody's approval there.
        #[arg(long)]
        public: bool,
    },
    /// List peers, and how it goes with each.
    List,
    /// Show a peer, and what of it waits in quarantine.
    Show {
        /// Its host, such as lotse.example.org.
        host: String,
    },
    /// Approve the fingerprint that a peer shows, after comparing it with what its admin says.
    Approve {
        /// Its host.
        host: String,
        /// The fingerprint as its admin said it; refused where the peer shows another, and needed where none was compared yet.
        #[arg(long)]
        fingerprint: Option<String>,
        /// The document that `lotse peer show` shows; refused where the peer has shown another since.
        #[arg(long)]
        document: Option<String>,
        /// Follow it too.
        #[arg(long)]
        follow: bool,
    },
    /// Refuse a peer, or end what there is. What is here of it stays.
    Reject {
        /// Its host.
        host: String,
    },
    /// Stop pulling from a peer for now.
    Pause {
        /// Its host.
        host: String,
    },
    /// Go on pulling from a peer that was paused or frozen.
    Resume {
        /// Its host.
        host: String,
    },
    /// Want nothing of a node any more, and erase everything that came from it.
    Deny {
        /// Its base URL.
        url: Origin,
    },
    /// Take a denial back.
    Allow {
        /// Its base URL.
        url: Origin,
    },
    /// Pull from a peer now.
    Sync {
        /// Its host.
        host: String,
        /// Agree to remove what is no longer in its feed, also where that is much.
        #[arg(long)]
        allow_sweep: bool,
        /// Pull everything again.
        #[arg(long)]
        all: bool,
    },
    /// Prove by digest that this node and a peer hold the same.
    Verify {
        /// Its host.
        host: String,
        /// Look at every row that is here once more, so that damage to the database shows as well.
        #[arg(long)]
        thorough: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make new keys, signed for by the old ones. Peers take them over by themselves.
    Rotate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Show what it says.
    Show,
    /// Begin a new one where the old one was lost, cut or exchanged and the database was never put back to an older state.
    Accept,
}

/// Write entries from a file.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file, in the form of `POST /api/v1/batch`; `-` is standard input.
    pub(crate) file: PathBuf,
    /// The organisation that owns entries which name no owner.
    #[arg(long)]
    pub(crate) owner: Option<EntryId>,
    /// Only say what would happen. Lines see what those before them would have done, up to 10,000 lines.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Write entries to a file.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file; `-` is standard output.
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Also what only the network, or only owners and coordinators, may see. Names of persons stay here all the same.
    #[arg(long)]
    pub(crate) all: bool,
}
