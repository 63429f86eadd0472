//! TLS: a town that asks for client certificates, and who has one.

use std::path::PathBuf;

use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::Door;
use super::site::{Engine, Site, root, test_certificate, test_key};
use super::town::Town;

/// The settings of a listener with TLS that asks for citizens' certificates, as `section.key` and value.
pub fn tls_settings(site: &Site) -> [(&'static str, PathBuf); 3] {
    let copy = |from: PathBuf, name: &str| {
        let to = site.path(name);
        std::fs::copy(from, &to).unwrap();
        to
    };
    let certificate = copy(test_certificate("server-chain"), "tls.pem");
    let key = copy(test_key("server"), "tls.key");
    let authorities = site.path("client-ca.pem");
    let mut pem = std::fs::read(root().join("certs/test/anchors/root.test.pem")).unwrap();
    pem.extend(std::fs::read(root().join("certs/test/intermediates/intermediate.test.pem")).unwrap());
    std::fs::write(&authorities, pem).unwrap();
    [("certificate", certificate), ("key", key), ("client_ca", authorities)]
}

/// A town behind TLS.
pub async fn with_tls(engine: Engine) -> Town {
    with_tls_and(engine, |_| {}).await
}

/// The same with more settings.
pub async fn with_tls_and(engine: Engine, change: impl FnOnce(&mut ventanilla::config::Config)) -> Town {
    let site = Site::fresh(engine).await;
    let [(_, certificate), (_, key), (_, client_ca)] = tls_settings(&site);
    let change = |config: &mut ventanilla::config::Config| {
        config.tls = ventanilla::config::Tls { certificate, key, client_ca };
        change(config);
    };
    Town::over(site, change, None).await
}

/// What somebody with a certificate comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// The server ended the handshake with this alert (RFC 8446 § 6).
    Alert(i32),
    /// It answered with this status.
    Status(u16),
}

/// The server found that the certificate is not for clients (`unsupported_certificate`).
pub const UNSUPPORTED: Met = Met::Alert(43);

/// What somebody comes to who asks for this with this certificate, its issuers and its key, in PEM.
pub async fn met(town: &Town, certificate: &[u8], key: &[u8], path: &str) -> Met {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let mut chain = X509::stack_from_pem(certificate).unwrap();
    connector.set_certificate(&chain.remove(0)).unwrap();
    for issuer in chain {
        connector.add_extra_chain_cert(issuer).unwrap();
    }
    connector.set_private_key(&PKey::private_key_from_pem(key).unwrap()).unwrap();
    let ssl = connector.build().configure().unwrap().verify_hostname(false).into_ssl("localhost").unwrap();
    let stream = TcpStream::connect(town.url().split_once("://").unwrap().1).await.unwrap();
    let mut stream = tokio_openssl::SslStream::new(ssl, stream).unwrap();
    std::pin::Pin::new(&mut stream).connect().await.unwrap();
    // By TLS 1.3 the server says what it thinks of the certificate after the client's handshake is over.
    let request = format!("GET /api/v1{path} HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(request.as_bytes()).await;
    let mut head = [0; 12];
    match stream.read_exact(&mut head).await {
        Ok(_) => Met::Status(std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()),
        Err(error) => {
            let ssl = error.get_ref().and_then(|inner| inner.downcast_ref::<openssl::ssl::Error>());
            let errors = ssl.and_then(openssl::ssl::Error::ssl_error).map_or(&[] as &[_], |stack| stack.errors());
            let first = errors.first().unwrap_or_else(|| panic!("no alert came: {error:?}"));
            // SSL_AD_REASON_OFFSET
            Met::Alert(first.reason_code() - 1000)
        }
    }
}

/// The same for somebody of the test PKI.
pub async fn citizen_met(town: &Town, name: &str, path: &str) -> Met {
    let (certificate, key) = (std::fs::read(test_certificate(name)).unwrap(), std::fs::read(test_key(name)).unwrap());
    met(town, &certificate, &key, path).await
}

/// The way in for somebody with this certificate.
pub fn citizen_door(town: &Town, name: &str) -> Door {
    let (certificate, key) = (std::fs::read(test_certificate(name)).unwrap(), std::fs::read(test_key(name)).unwrap());
    Door::with_certificate(town.url(), &certificate, &key)
}
