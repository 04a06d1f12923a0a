//! Passwords: argon2id (RFC 9106) with the parameters that OWASP names (19 MiB, 2 passes), on threads of their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::consts;
use crate::problem::{Code, Problem};

/// What is compared with when there is no such account, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| digest("there is no such account").ok());

/// Hashes and checks passwords, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(consts::PASSWORD_HASHES)),
            waiting: Arc::default(),
        }
    }
}

impl Passwords {
    /// The hash of a new password, as a PHC string.
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
        self.on_thread(move || digest(&password))
            .await?
            .map_err(Problem::internal)
    }

    /// Whether a password is the one with this hash. `None` stands for an account that does not exist or has no
    /// password, and takes as long.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, Problem> {
        let password = prepare(password);
        if password.chars().count() > consts::PASSWORD_LONGEST {
            return Ok(false);
        }
        self.on_thread(move || {
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
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Problem> {
        let _waiting = Waiting::join(&self.waiting)?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(Problem::internal)?;
        // The turn ends with the work, even when nobody waits for its result any more.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(Problem::internal)
    }
}

/// A place in the queue.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn join(queue: &Arc<AtomicUsize>) -> Result<Self, Problem> {
        let place = Self(Arc::clone(queue));
        if queue.fetch_add(1, Ordering::AcqRel) >= consts::PASSWORD_WAITING {
            return Err(
                Problem::new(Code::Busy, "many are signing in; try again in a moment")
                    .with_retry_after(2),
            );
        }
        Ok(place)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
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
                .verify("Straße am Fluß 7", Some(hash.clone()))
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify("straße am Fluß 7", Some(hash))
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify("there is no such account", None)
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
            assert!(!passwords.verify("wrong", stored).await.expect("checked"));
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
    async fn the_queue_is_bounded() {
        let passwords = Passwords::default();
        passwords
            .waiting
            .store(consts::PASSWORD_WAITING, Ordering::Release);
        let problem = passwords.verify("x", None).await.expect_err("refused");
        assert_eq!(problem.code(), Code::Busy);
        assert_eq!(
            passwords.waiting.load(Ordering::Acquire),
            consts::PASSWORD_WAITING
        );
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
