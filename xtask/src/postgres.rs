//! A PostgreSQL server in a throwaway folder, from the system's binaries, for as long as a command runs.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

use crate::{packages, process};

/// The version that we test on.
const MAJOR: u32 = 15;
/// Where Debian keeps the binaries of all versions.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The variable through which tests hear of the server: a URL of its superuser.
const URL: &str = "LOTSE_TEST_POSTGRES";
/// The variable through which they hear of the certificate that the server shows to clients that want TLS.
const CERTIFICATE: &str = "LOTSE_TEST_POSTGRES_CERTIFICATE";
/// The server's certificate, signed by itself, and its key, in its folder.
const CERTIFICATE_FILE: &str = "server.crt";
const KEY_FILE: &str = "server.key";
/// How long the server may take to accept its first connection, and how long to stop at each degree of force.
const PATIENCE: Duration = Duration::from_secs(30);
/// Somebody else may take the free port that we found before the server does.
const ATTEMPTS: u32 = 3;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Keep every commit on disk, as a server in use does (slower; for measurements)
    #[arg(long)]
    durable: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// Runs one command beside a throwaway server.
pub(crate) fn run(options: &Options) -> Result<()> {
    let server = Server::start(options.durable)?;
    let Some((program, arguments)) = options.command.split_first() else {
        bail!("no command given");
    };
    process::run(
        Command::new(program)
            .args(arguments)
            .envs(server.variables()),
    )
}

/// A running server. Dropping it stops the server and removes its folder.
pub(crate) struct Server {
    process: Child,
    port: u16,
    password: String,
    folder: TempDir,
}

impl Server {
    /// Starts a server on a free port of the loopback address; as root, under an account without rights.
    ///
    /// `durable` keeps `fsync` on. Without it a power cut may lose data, a kill does not.
    ///
    /// # Errors
    /// Names what is missing on the machine, or shows the server's log.
    pub(crate) fn start(durable: bool) -> Result<Self> {
        let programs = programs()?;
        packages::need("openssl", "openssl")?;
        packages::need("setpriv", "util-linux")?;
        let account = Account::for_server()?;
        for attempt in 1.. {
            match Self::try_start(&programs, &account, durable) {
                Ok(server) => return Ok(server),
                Err(error) if attempt < ATTEMPTS && !process::interrupted() => {
                    eprintln!("{error:#}; trying once more");
                }
                Err(error) => return Err(error),
            }
        }
        bail!("PostgreSQL did not start")
    }

    /// What tests are told about it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 2] {
        let url = format!(
            "postgres://lotse:{}@127.0.0.1:{}/postgres",
            self.password, self.port
        );
        let certificate = self.folder.path().join(CERTIFICATE_FILE);
        [
            (URL, url),
            (CERTIFICATE, certificate.to_string_lossy().into_owned()),
        ]
    }

    fn try_start(programs: &Path, account: &Account, durable: bool) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("lotse-postgres-")
            .tempdir()?;
        let password = format!("{:032x}", rand::random::<u128>());
        let password_file = folder.path().join("password");
        fs::write(&password_file, &password)?;
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
        account.own(folder.path())?;
        account.own(&password_file)?;

        let data = folder.path().join("data");
        // A default collation that sorts unlike bytes shows every key that forgot to ask for collation "C".
        let mut create = account.command(&programs.join("initdb"));
        create
            .args([
                "--username=lotse",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-sync",
            ])
            .args([
                "--locale=C.UTF-8",
                "--locale-provider=icu",
                "--icu-locale=de",
            ])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null());
        process::run(&mut create)?;
        make_certificate(account, folder.path())?;

        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = folder.path().join("log");
        let mut command = account.command(&programs.join("postgres"));
        command
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        command.arg("-k").arg(folder.path());
        let certificate = folder.path().join(CERTIFICATE_FILE);
        let key = folder.path().join(KEY_FILE);
        command
            .arg("-c")
            .arg(format!("ssl_cert_file={}", certificate.display()));
        command
            .arg("-c")
            .arg(format!("ssl_key_file={}", key.display()));
        let mut settings = vec!["ssl=on", "max_connections=300", "shared_buffers=256MB"];
        if !durable {
            settings.extend([
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
            ]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        let log_file = fs::File::create(&log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(log_file.try_clone()?)
            .stderr(log_file)
            .spawn()
            .context("cannot start PostgreSQL")?;
        let mut server = Self {
            process,
            port,
            password,
            folder,
        };
        server.wait_until_ready(programs, &log)?;
        println!(
            "PostgreSQL runs on port {port} (process {})",
            server.process.id()
        );
        Ok(server)
    }

    fn wait_until_ready(&mut self, programs: &Path, log: &Path) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait()? {
                let log = fs::read_to_string(log).unwrap_or_default();
                bail!("PostgreSQL ended at once ({status}):\n{log}");
            }
            let mut ask = Command::new(programs.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ask.status().context("pg_isready")?.success() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "PostgreSQL did not accept connections within {} s",
            PATIENCE.as_secs()
        )
    }

    fn has_ended_within(&mut self, patience: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fast shutdown, immediate shutdown, and at last no question asked.
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            let _ = kill_process(Pid::from_child(&self.process), signal);
            if self.has_ended_within(PATIENCE) {
                println!("PostgreSQL has stopped");
                return;
            }
        }
        eprintln!(
            "PostgreSQL (process {}) does not end; its folder is {}",
            self.process.id(),
            self.folder.path().display()
        );
    }
}

/// A certificate for the loopback address that is its own authority.
fn make_certificate(account: &Account, folder: &Path) -> Result<()> {
    let mut make = account.command(Path::new("openssl"));
    make.args([
        "req", "-x509", "-nodes", "-days", "7", "-batch", "-newkey", "ec",
    ])
    .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
    .args([
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ])
    .arg("-keyout")
    .arg(folder.join(KEY_FILE))
    .arg("-out")
    .arg(folder.join(CERTIFICATE_FILE))
    .stderr(Stdio::null());
    process::run(&mut make)
}

/// Under whose name the server runs: PostgreSQL refuses to run as root.
enum Account {
    Own,
    Named {
        name: &'static str,
        user: u32,
        group: u32,
    },
}

impl Account {
    fn for_server() -> Result<Self> {
        if !getuid().is_root() {
            return Ok(Self::Own);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        for name in ["postgres", "nobody"] {
            let line = accounts
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>());
            for fields in line.filter(|fields| fields.first() == Some(&name)) {
                if let [_, _, user, group, ..] = fields[..] {
                    return Ok(Self::Named {
                        name,
                        user: user.parse()?,
                        group: group.parse()?,
                    });
                }
            }
        }
        bail!(
            "running as root, and there is neither an account `postgres` nor `nobody` to run PostgreSQL as"
        )
    }

    fn own(&self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Named { user, group, .. } => chown(path, Some(*user), Some(*group))
                .with_context(|| format!("cannot give {} away", path.display())),
        }
    }

    /// The program under this account. The kernel stops it when we die, even when we are killed.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        if let Self::Named { name, user, group } = self {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"))
                .arg("--clear-groups");
            command.env("HOME", "/").env("USER", name);
        }
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command
    }
}

/// The folder with the server's programs; installs them first where that is possible.
fn programs() -> Result<PathBuf> {
    if let Some(found) = find_programs() {
        return Ok(found);
    }
    packages::install_if_allowed(&format!("postgresql-{MAJOR}"))?;
    find_programs().with_context(|| {
        format!(
            "PostgreSQL {MAJOR} is missing. Needed: initdb, postgres and pg_isready in {DEBIAN}/{MAJOR}/bin or in the \
             PATH. On Debian: `apt-get install postgresql-{MAJOR}` as root (or run this command as root)."
        )
    })
}

fn find_programs() -> Option<PathBuf> {
    let debian = Path::new(DEBIAN).join(MAJOR.to_string()).join("bin");
    let search = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(debian).chain(std::env::split_paths(&search));
    folders.find(|folder| {
        let complete = ["initdb", "postgres", "pg_isready"]
            .iter()
            .all(|name| folder.join(name).is_file());
        complete && major_version(&folder.join("postgres")) == Some(MAJOR)
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → 15
fn major_version(program: &Path) -> Option<u32> {
    let answer = Command::new(program).arg("--version").output().ok()?;
    let answer = String::from_utf8(answer.stdout).ok()?;
    let version = answer.split_whitespace().nth(2)?;
    version.split('.').next()?.parse().ok()
}
