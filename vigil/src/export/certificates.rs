//! The PEM files of a target, read and checked before anything is sent.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::error::ExportError;
use super::target::Tls;

/// What a connection trusts and shows.
pub(super) struct Certificates {
    /// None: the bundled roots of Mozilla, as there is neither a file nor a store of the system's.
    pub(super) roots: Option<Vec<CertificateDer<'static>>>,
    pub(super) client: Option<ClientIdentity>,
}

/// A client certificate and its key, in PEM and known to be good.
pub(super) struct ClientIdentity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Certificates {
    pub(super) fn read(tls: &Tls) -> Result<Self, ExportError> {
        let roots = if let Some(path) = &tls.ca_certificate {
            let roots = parse_chain(path, &read(path)?)?;
            let (usable, _) =
                RootCertStore::empty().add_parsable_certificates(roots.iter().cloned());
            if usable == 0 {
                return Err(bad(path, "no certificate in it can be trusted as a root"));
            }
            Some(roots)
        } else {
            let system = rustls_native_certs::load_native_certs().certs;
            (!system.is_empty()).then_some(system)
        };
        let client = match (&tls.client_certificate, &tls.client_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(read_client(certificate, key)?),
            _ => return Err(ExportError::ClientIdentityIncomplete),
        };
        Ok(Self { roots, client })
    }
}

/// The process's crypto provider if it has one, else ours.
fn crypto_provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

fn read_client(certificate: &Path, key: &Path) -> Result<ClientIdentity, ExportError> {
    let identity = ClientIdentity {
        certificate: read(certificate)?,
        key: read(key)?,
    };
    let secret = PrivateKeyDer::from_pem_slice(&identity.key)
        .map_err(|error| bad(key, &format!("it holds no private key in PEM ({error})")))?;
    let chain = parse_chain(certificate, &identity.certificate)?;
    CertifiedKey::from_der(chain, secret, &crypto_provider()).map_err(|error| {
        let problem = format!("it does not fit `{}` ({error})", certificate.display());
        bad(key, &problem)
    })?;
    Ok(identity)
}

fn parse_chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ExportError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(path, &format!("it is no PEM ({error})")))?;
    if chain.is_empty() {
        return Err(bad(path, "it holds no certificate in PEM"));
    }
    Ok(chain)
}

fn read(path: &Path) -> Result<Vec<u8>, ExportError> {
    std::fs::read(path).map_err(|error| bad(path, &error.to_string()))
}

fn bad(path: &Path, problem: &str) -> ExportError {
    ExportError::Certificate {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}
