//! A certificate authority of the tests' own.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// An authority, a server's certificate and a client's, in a folder that lives as long as this.
#[derive(Debug)]
pub struct Authority {
    folder: tempfile::TempDir,
    ca: String,
    server: (String, String),
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, that nobody trusts.
    ///
    /// # Panics
    ///
    /// If certificates can't be made or written.
    pub fn new() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority for tests");
        let ca = params.self_signed(&ca_key).expect("a certificate").pem();
        let issuer = Issuer::new(params, ca_key);
        let issue = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            let certificate = CertificateParams::new(vec![name.to_owned()])
                .expect("a name")
                .signed_by(&key, &issuer)
                .expect("a certificate");
            (certificate.pem(), key.serialize_pem())
        };
        let server = issue("127.0.0.1");
        let client = issue("client");
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("a file");
        };
        write("ca.pem", &ca);
        write("client.pem", &client.0);
        write("client.key", &client.1);
        write("other.key", &server.1);
        Self { folder, ca, server }
    }

    /// The file with the authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The files with a client's certificate and its key.
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        let folder = self.folder.path();
        (folder.join("client.pem"), folder.join("client.key"))
    }

    /// The file with a key that is not the client's.
    pub fn other_key(&self) -> PathBuf {
        self.folder.path().join("other.key")
    }

    pub(super) fn rustls_config(&self, asks_for_client: bool) -> Arc<ServerConfig> {
        let certificate = |pem: &str| {
            CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate of our own")
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("protocol versions");
        let builder = if asks_for_client {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(certificate(&self.ca)).expect("a root");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from_pem_slice(self.server.1.as_bytes()).expect("a key");
        let config = builder.with_single_cert(vec![certificate(&self.server.0)], key);
        Arc::new(config.expect("a certificate that fits its key"))
    }

    pub(super) fn tonic_config(&self, asks_for_client: bool) -> ServerTlsConfig {
        let (certificate, key) = &self.server;
        let config = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        if asks_for_client {
            config.client_ca_root(Certificate::from_pem(&self.ca))
        } else {
            config
        }
    }
}
