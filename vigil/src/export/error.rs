//! Why an export could not be set up.

use std::fmt;
use std::path::PathBuf;

use super::target::Protocol;

/// A target that can't be exported to. Says what is wrong and what to do about it; secrets of the
/// target do not show.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// The protocol's cargo feature is off.
    FeatureOff(Protocol),
    /// The URL is none, or not one for this protocol.
    Url {
        /// The URL without its secrets.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A header that can't be sent.
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A certificate or key that can't be used.
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A client certificate without its key, or a key without its certificate.
    ClientIdentityIncomplete,
    /// The worker thread could not be started.
    Worker(std::io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FeatureOff(protocol) => write!(
                f,
                "the protocol `{protocol}` is not built in: enable the feature `{}` of `vigil`",
                protocol.feature()
            ),
            Self::Url { url, problem } => write!(f, "can't export to `{url}`: {problem}"),
            Self::Header { name, problem } => {
                write!(f, "can't send the header `{name}`: {problem}")
            }
            Self::Certificate { path, problem } => {
                write!(f, "can't use `{}`: {problem}", path.display())
            }
            Self::ClientIdentityIncomplete => f.write_str(
                "a client certificate needs its key and the key its certificate: give both files, \
                 or neither",
            ),
            Self::Worker(error) => write!(f, "can't start the export thread: {error}"),
        }
    }
}

impl std::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Worker(error) => Some(error),
            _ => None,
        }
    }
}
