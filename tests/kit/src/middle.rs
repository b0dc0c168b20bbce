//! A man in the middle: it ends TLS with a certificate of its own, opens TLS to the end behind it, and passes on
//! what it reads, as it is or changed. It knows neither end's secrets, only that both trust anybody.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::certs::Pair;
use crate::client::tls::Tls;
use crate::fail::OrFail;
use crate::{messages, wait};

/// How long one end is listened to before the other gets its turn. A log-in is talk by turns, so this is only how
/// lively the conversation is.
const TURN: Duration = Duration::from_millis(2);

/// What is done to bytes on their way back to the client.
pub type Edit = fn(Vec<u8>) -> Vec<u8>;

/// A listening man in the middle. Its threads end with their connections.
#[derive(Debug)]
pub struct Middle {
    address: SocketAddr,
}

impl Middle {
    /// Shows this certificate to whoever comes, and passes everything on to `localhost:port`.
    #[must_use]
    #[track_caller]
    pub fn start(port: u16, pair: &Pair, edit: Edit) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).or_fail("the man in the middle");
        let address = listener.local_addr().or_fail("the man in the middle");
        let config = shown(pair);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let config = Arc::clone(&config);
                // one end has gone, as ends do
                thread::spawn(move || drop(between(near, port, config, edit)));
            }
        });
        Self { address }
    }

    /// Where to connect, on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

#[track_caller]
fn shown(pair: &Pair) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(&pair.cert).or_fail(pair.cert.display());
    let key = PrivateKeyDer::from_pem_file(&pair.key).or_fail(pair.key.display());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .or_fail("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.or_fail("the certificate of the man in the middle"))
}

fn between(mut near: TcpStream, port: u16, config: Arc<ServerConfig>, edit: Edit) -> io::Result<()> {
    near.set_read_timeout(Some(wait::PATIENCE))?;
    let mut request = [0; 8];
    near.read_exact(&mut request)?;
    if request[..] != messages::ssl_request() {
        return Err(ErrorKind::InvalidData.into());
    }
    near.write_all(b"S")?;
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut near = StreamOwned::new(session, near);
    while near.conn.is_handshaking() {
        near.conn.complete_io(&mut near.sock)?;
    }
    let far = TcpStream::connect(("localhost", port))?;
    far.set_read_timeout(Some(wait::PATIENCE))?;
    let mut far = Tls::unchecked().over(far).map_err(io::Error::other)?;
    near.sock.set_read_timeout(Some(TURN))?;
    far.sock.set_read_timeout(Some(TURN))?;
    loop {
        if let Some(bytes) = turn(&mut near)? {
            far.write_all(&bytes)?;
            far.flush()?;
        }
        if let Some(bytes) = turn(&mut far)? {
            near.write_all(&edit(bytes))?;
            near.flush()?;
        }
    }
}

/// What one end has to say now; an error if it has gone.
fn turn(end: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; 16 * 1024];
    match end.read(&mut bytes) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(n) => {
            bytes.truncate(n);
            Ok(Some(bytes))
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}
