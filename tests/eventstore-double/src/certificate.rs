//! A certificate authority of its own and a certificate for the loopback address.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a node shows, and what a client has to trust.
pub(crate) struct Certificate {
    pub acceptor: TlsAcceptor,
    /// The authority, as PEM.
    pub authority: String,
}

impl Certificate {
    /// Makes both anew.
    pub fn make() -> io::Result<Certificate> {
        let (authority, chain, key) = signed().map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![chain.into()], key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Certificate {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority,
        })
    }
}

/// Authority as PEM; certificate and key as DER. Both have names of their own: OpenSSL takes a certificate for its own
/// issuer when the names are the same.
fn signed() -> Result<(String, Vec<u8>, Vec<u8>), rcgen::Error> {
    let mut params = named("eventstore-double authority", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let hosts = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = named("eventstore-double", hosts)?.signed_by(&key, &issuer)?;
    Ok((authority, certificate.der().to_vec(), key.serialize_der()))
}

fn named(name: &str, hosts: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
