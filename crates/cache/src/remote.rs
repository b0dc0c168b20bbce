//! A connection to a Redis: opened when it is needed, given up when it fails, and never waited for longer than is allowed.
//!
//! Nothing is tried twice: whoever asks decides what becomes of it if there is no answer. After a failure to connect the
//! next one is not tried at once, and the answer until then is what went wrong last.

use std::fmt;
use std::time::Duration;

use config::{FailoverLock, Secret};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo};
use tokio::time::{Instant, timeout};

/// The first pause after a failure to connect, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// A password is read anew after it was refused, but not more often than this.
const PASSWORD_AGE: Duration = Duration::from_secs(1);

/// Where a Redis is, and how to log in to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `redis://host:port/number`.
    pub url: String,
    /// Who logs in, if not everybody may.
    pub user: Option<String>,
    /// With what.
    pub password: Option<Secret>,
    /// How long it may take to answer, connecting included.
    pub timeout: Duration,
}

impl From<&FailoverLock> for Place {
    fn from(lock: &FailoverLock) -> Self {
        let FailoverLock { url, user, password, timeout } = lock.clone();
        Self { url, user, password, timeout }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It could not be reached, does not let us in, or the connection was lost.
    Connect(String),
    /// It did not answer in time. It may have done what it was told.
    Late(Duration),
    /// It refuses what it was told, or answers something else than was expected.
    Refused(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "no connection to Redis: {why}"),
            Self::Late(after) => write!(f, "Redis has not answered within {} ms", after.as_millis()),
            Self::Refused(why) => write!(f, "Redis refuses: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// A connection to a Redis, for one who asks at a time.
pub struct Redis {
    place: Place,
    line: Option<MultiplexedConnection>,
    /// After a failure: not before this moment, the pause then, and what went wrong.
    failed: Option<(Instant, Duration, Error)>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("place", &self.place).field("open", &self.line.is_some()).finish()
    }
}

impl Redis {
    /// Not connected yet.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, line: None, failed: None }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Runs a script that returns a list of texts, connecting first if need be.
    ///
    /// # Errors
    /// There is no answer in time, or not such a one. The script may have run all the same.
    ///
    /// # Cancel safety
    /// The connection is closed; the script may have run.
    pub async fn eval(
        &mut self,
        script: &str,
        keys: &[String],
        arguments: &[String],
    ) -> Result<Vec<String>, Error> {
        let patience = self.place.timeout;
        let asked = async {
            let mut line = match self.line.take() {
                Some(line) => line,
                None => self.open().await?,
            };
            let mut command = redis::cmd("EVAL");
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            let answer: Result<Vec<String>, _> = command.query_async(&mut line).await;
            match answer {
                Ok(answer) => {
                    self.line = Some(line);
                    Ok(answer)
                }
                Err(error) if error.is_io_error() || error.is_unrecoverable_error() => {
                    Err(Error::Connect(error.to_string()))
                }
                Err(error) => {
                    self.line = Some(line);
                    Err(Error::Refused(error.to_string()))
                }
            }
        };
        timeout(patience, asked).await.unwrap_or(Err(Error::Late(patience)))
    }

    async fn open(&mut self) -> Result<MultiplexedConnection, Error> {
        if let Some((until, _, why)) = &self.failed
            && Instant::now() < *until
        {
            return Err(why.clone());
        }
        // whoever is cancelled has failed
        let pause = self.failed.as_ref().map_or(PAUSES.0, |(_, pause, _)| (*pause * 2).min(PAUSES.1));
        self.failed = Some((Instant::now() + pause, pause, Error::Late(self.place.timeout)));
        match self.connect().await {
            Ok(line) => {
                self.failed = None;
                Ok(line)
            }
            Err(why) => {
                self.failed = Some((Instant::now() + pause, pause, why.clone()));
                Err(why)
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Error> {
        let Place { url, user, password, timeout } = &self.place;
        let wrong = |error: redis::RedisError| Error::Connect(error.to_string());
        let info = url.as_str().into_connection_info().map_err(wrong)?;
        let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        if let Some(password) = password {
            settings = settings.set_password(&*fresh(password).await);
        }
        let client = Client::open(info.set_redis_settings(settings)).map_err(wrong)?;
        let patience = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(*timeout))
            .set_response_timeout(Some(*timeout));
        let line = client.get_multiplexed_async_connection_with_config(&patience).await;
        line.map_err(|error| {
            if let Some(password) = password.as_ref().filter(|_| !error.is_io_error()) {
                password.suspect(std::time::Instant::now(), PASSWORD_AGE);
            }
            wrong(error)
        })
    }
}

/// The password, read again if it has to be.
async fn fresh(password: &Secret) -> std::sync::Arc<str> {
    if password.due(std::time::Instant::now()) != config::Due::No && password.begin() {
        let password = password.clone();
        // a command may take its time
        let _ = tokio::task::spawn_blocking(move || password.renew()).await;
    }
    password.expose()
}

#[cfg(test)]
mod tests;
