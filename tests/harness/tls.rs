//! TLS: a town that asks for client certificates, and who has one.

use std::path::PathBuf;

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

/// The way in for somebody with this certificate.
pub fn citizen_door(town: &Town, name: &str) -> Door {
    let (certificate, key) = (std::fs::read(test_certificate(name)).unwrap(), std::fs::read(test_key(name)).unwrap());
    Door::with_certificate(town.url(), &certificate, &key)
}
