//! Passwords: argon2id (RFC 9106) with the parameters that OWASP names (19 MiB, 2 passes), on threads of their own.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use parking_lot::Mutex;
use tokio::sync::oneshot::{self, Sender};
use unicode_normalization::UnicodeNormalization;

use super::line::Line;
use crate::attempts::Standing;
use crate::consts;
use crate::problem::{Code, Problem};

/// What is compared with when there is no such account, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| digest("there is no such account").ok());

/// Hashes and checks passwords, a few at a time. Whose turn is next, [`Line`] says.
#[derive(Debug, Clone, Default)]
pub struct Passwords(Arc<Mutex<Line<Sender<Turn>>>>);

impl Passwords {
    /// The hash of a new password, as a PHC string. For those who have shown already that they may set one.
    ///
    /// # Errors
    /// 422 when it is too short or too long, with `pointer` as the place; 503 when too many wait.
    pub async fn hash(&self, password: &str, pointer: &'static str) -> Result<String, Problem> {
        let password = prepare(password);
        let length = password.chars().count();
        if !(consts::PASSWORD_SHORTEST..=consts::PASSWORD_LONGEST).contains(&length) {
            let (least, most) = (consts::PASSWORD_SHORTEST, consts::PASSWORD_LONGEST);
            return Err(Problem::at(
                pointer,
                "length",
                format!("between {least} and {most} characters"),
            ));
        }
        self.on_thread(Standing::Known, move || digest(&password))
            .await?
            .map_err(Problem::internal)
    }

    /// Whether a password is the one with this hash. `None` stands for an account that does not exist or has no
    /// password, and takes as long.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<String>,
        standing: Standing,
    ) -> Result<bool, Problem> {
        let password = prepare(password);
        if password.chars().count() > consts::PASSWORD_LONGEST {
            return Ok(false);
        }
        self.on_thread(standing, move || {
            let known = stored.is_some();
            let Some(stored) = stored.or_else(|| NOBODY.clone()) else {
                return false;
            };
            Argon2::default()
                .verify_password(password.as_bytes(), stored.as_str())
                .is_ok()
                && known
        })
        .await
    }

    async fn on_thread<R: Send + 'static>(
        &self,
        standing: Standing,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Problem> {
        let turn = self.turn(standing).await?;
        // The turn ends with the work, even when nobody waits for its result any more.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(Problem::internal)
    }

    async fn turn(&self, standing: Standing) -> Result<Turn, Problem> {
        let (ticket, turn) = oneshot::channel();
        let gone = {
            let mut line = self.0.lock();
            line.keep(|ticket| !ticket.is_closed());
            line.join(standing, ticket)
        };
        // Whoever has to go hears it by this.
        drop(gone);
        self.call();
        turn.await.map_err(|_| {
            Problem::new(Code::Busy, "many are signing in; try again in a moment")
                .with_retry_after(2)
        })
    }

    /// Calls those whose turn it is.
    fn call(&self) {
        loop {
            let next = self.0.lock().next();
            let Some((ticket, known)) = next else { return };
            let turn = Turn {
                passwords: self.clone(),
                known,
            };
            // Who waits no longer gives the turn back as it is dropped here.
            let _ = ticket.send(turn);
        }
    }
}

/// Leave to hash one password.
#[derive(Debug)]
struct Turn {
    passwords: Passwords,
    known: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.passwords.0.lock().ended(self.known);
        self.passwords.call();
    }
}

/// The same password typed on another keyboard is the same password (NIST SP 800-63B section 5.1.1.2: NFKC).
fn prepare(password: &str) -> String {
    // Normalising at most triples the length; what is far too long is not worth the work.
    password
        .chars()
        .take(consts::PASSWORD_LONGEST + 1)
        .nfkc()
        .collect()
}

fn digest(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(password.as_bytes())?
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_password_matches_its_hash_and_nothing_matches_nobody() {
        let passwords = Passwords::default();
        let hash = passwords
            .hash("Straße am Fluß 7", "/password")
            .await
            .expect("hashed");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            passwords
                .verify("Straße am Fluß 7", Some(hash.clone()), Standing::Known)
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify("straße am Fluß 7", Some(hash), Standing::Known)
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify("there is no such account", None, Standing::Known)
                .await
                .expect("checked")
        );
    }

    #[actix_web::test]
    async fn unknown_accounts_take_as_long_as_known_ones() {
        let passwords = Passwords::default();
        let hash = passwords
            .hash("a long enough password", "/password")
            .await
            .expect("hashed");
        let mut took = [Vec::new(), Vec::new()];
        for round in 0..10 {
            let stored = (round % 2 == 0).then(|| hash.clone());
            let started = std::time::Instant::now();
            let right = passwords.verify("wrong", stored, Standing::Known).await;
            assert!(!right.expect("checked"));
            took[round % 2].push(started.elapsed());
        }
        let [known, unknown] = took.map(|mut times| {
            times.sort();
            times[2]
        });
        assert!(
            unknown > known / 4 && unknown < known * 4,
            "{known:?} and {unknown:?}"
        );
    }

    #[actix_web::test]
    #[expect(clippy::disallowed_methods, reason = "the test waits for them")]
    async fn strangers_keep_nobody_from_a_turn_who_is_known() {
        let passwords = Passwords::default();
        // As if a stranger's password were hashed for as long as this test runs.
        let stranger = |site| Standing::Unknown { site, failures: 1 };
        let held = passwords.turn(stranger(0)).await.expect("a turn");
        let waiting: Vec<_> = (0..2 * consts::PASSWORD_WAITING as u64)
            .map(|site| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.turn(stranger(site)).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        for _ in 0..3 {
            drop(passwords.turn(Standing::Known).await.expect("a turn"));
        }
        drop(held);
        let mut refused = 0;
        for waits in waiting {
            if let Err(problem) = waits.await.expect("ended") {
                assert_eq!(problem.code(), Code::Busy);
                refused += 1;
            }
        }
        assert!(refused >= consts::PASSWORD_WAITING - 1, "{refused}");
        let new = passwords.turn(stranger(1)).await;
        assert!(new.is_ok(), "all turns were given back");
    }

    #[actix_web::test]
    async fn who_waits_no_longer_takes_no_turn() {
        let passwords = Passwords::default();
        let stranger = |site| Standing::Unknown { site, failures: 0 };
        let held = passwords.turn(stranger(0)).await.expect("a turn");
        for site in 0..1_000 {
            let mut waits = Box::pin(passwords.turn(stranger(site)));
            assert!(futures_util::poll!(&mut waits).is_pending());
        }
        drop(held);
        assert!(passwords.turn(stranger(1)).await.is_ok());
    }

    #[actix_web::test]
    async fn short_and_endless_passwords_are_refused() {
        let passwords = Passwords::default();
        for bad in ["short", &"x".repeat(129)] {
            let problem = passwords.hash(bad, "/password").await.expect_err("refused");
            assert_eq!(
                problem.errors().first().map(|v| v.pointer.as_str()),
                Some("/password")
            );
        }
    }
}
