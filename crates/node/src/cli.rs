//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::EntryId;

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
    /// Print the OpenAPI document.
    Openapi,
    /// Ask a running node whether it is ready; for containers and supervisors.
    Health,
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
