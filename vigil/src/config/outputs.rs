//! Where each signal goes: the endpoint that wins, and what belongs to it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use super::env::{Env, Parsed, no_limit_if_zero, one_of, show_list, using};
use super::options::{Named, variable};
use super::text::{Headers, Url, quote, redact};
use super::{Exporter, Otlp, Output, Preset, VigConfig};
use crate::export::{Compression, Protocol, Secret, Signal, Target, Tls};

/// All of them, in the order in which they are told.
pub(super) const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

const TIMEOUT: Duration = Duration::from_secs(10);

/// Where an endpoint is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Environment,
    Code,
    Preset,
    Default,
}

/// Where a signal goes, before what is common to all places.
struct Place {
    source: Source,
    /// The variable or method that named it, if it was named.
    name: String,
    protocol: Protocol,
    url: String,
    /// What the place itself brings: a preset's keys, or the user of a URL.
    headers: Vec<(String, Secret)>,
}

struct Resolver<'a> {
    config: &'a VigConfig,
    env: &'a Env<'a>,
    is_built_in: &'a dyn Fn(Protocol) -> bool,
    preset: Option<Preset>,
    preset_from_environment: bool,
    /// Problems whose outcome is only known when all places are: name, problem, signal.
    endpoints: RefCell<Vec<(String, String, Signal)>>,
}

/// Where each signal goes, in the order of [`SIGNALS`].
pub(super) fn outputs(
    config: &VigConfig,
    env: &Env<'_>,
    is_built_in: &dyn Fn(Protocol) -> bool,
    preset: Option<Preset>,
    preset_from_environment: bool,
) -> [Output; 3] {
    let resolver = Resolver {
        config,
        env,
        is_built_in,
        preset,
        preset_from_environment,
        endpoints: RefCell::default(),
    };
    resolver.outputs()
}

/// Where OTLP is spoken on this machine.
pub(super) fn default_url(protocol: Protocol, signal: Signal) -> String {
    match protocol {
        Protocol::Grpc => "http://localhost:4317".to_owned(),
        Protocol::HttpProtobuf | Protocol::HttpJson => {
            format!("http://localhost:4318/{}", path(signal))
        }
    }
}

fn path(signal: Signal) -> String {
    format!("v1/{signal}")
}

/// A signal's variable of the exporter: `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`.
fn of_signal(signal: Signal, option: &str) -> String {
    format!("OTEL_EXPORTER_OTLP_{}_{option}", variable(signal))
}

/// The variable for all signals: `OTEL_EXPORTER_OTLP_TIMEOUT`.
fn of_all(option: &str) -> String {
    format!("OTEL_EXPORTER_OTLP_{option}")
}

impl Resolver<'_> {
    fn outputs(&self) -> [Output; 3] {
        let places = SIGNALS.map(|signal| self.output(signal));
        self.report_unsent_headers(&places);
        let outputs = places.map(|(output, ..)| output);
        self.report_endpoints(&outputs);
        outputs
    }

    /// Where the signal goes, where that is from, and whether it may go anywhere.
    fn output(&self, signal: Signal) -> (Output, Option<Source>, bool) {
        let exporters = self.exporters(signal);
        let wanted = exporters
            .as_ref()
            .is_none_or(|all| all.contains(&Exporter::Otlp));
        let explicit = exporters
            .as_ref()
            .is_some_and(|all| all.contains(&Exporter::Otlp));
        let place = self.place(signal, wanted, explicit);
        let source = place.as_ref().map(|place| place.source);
        let output = Output {
            target: place.map(|place| self.target(signal, place)),
            console: exporters
                .as_ref()
                .is_some_and(|all| all.contains(&Exporter::Console)),
            off: exporters.is_some_and(|all| all.is_empty()),
        };
        (output, source, wanted)
    }

    /// The exporters that somebody chose; an empty list is `none`.
    fn exporters(&self, signal: Signal) -> Option<Vec<Exporter>> {
        let code = self.config.signals[signal as usize]
            .exporters
            .clone()
            .map(|mut all| {
                all.retain(|exporter| *exporter != Exporter::None);
                all
            });
        let name = format!("OTEL_{}_EXPORTER", variable(signal));
        self.env
            .list(&name, || match &code {
                None => "`otlp` where there is an endpoint".to_owned(),
                Some(all) => show_list(all),
            })
            .or(code)
    }

    /// The endpoint that wins.
    fn place(&self, signal: Signal, wanted: bool, explicit: bool) -> Option<Place> {
        let named = self.protocol(signal);
        let protocol = named
            .as_ref()
            .map(|(_, protocol)| *protocol)
            .or_else(|| self.default_protocol());
        let scheme = self.default_scheme(signal, protocol);
        let own = &self.config.signals[signal as usize].otlp;
        let all = &self.config.otlp;
        let environment = [of_signal(signal, "ENDPOINT"), of_all("ENDPOINT")]
            .map(|name| (name.clone(), self.env.text(&name)));
        let code = [("VigConfig::otlp_for", own), ("VigConfig::otlp", all)].map(|(name, otlp)| {
            let endpoint = otlp
                .endpoint
                .as_ref()
                .map(|endpoint| endpoint.0.trim().to_owned());
            (
                format!("{name}: endpoint"),
                endpoint.filter(|endpoint| !endpoint.is_empty()),
            )
        });
        let preset = self
            .preset
            .filter(|preset| preset.signals().contains(&signal));
        let Some(protocol) = protocol else {
            let mut endpoints = environment.iter().chain(&code);
            let somewhere = endpoints.any(|(_, endpoint)| endpoint.is_some());
            if wanted && (somewhere || preset.is_some() || explicit) {
                self.report_no_transport();
            }
            return None;
        };
        let own = |endpoints: &[(String, Option<String>); 2], source| {
            self.own_place(signal, endpoints, source, protocol, scheme)
        };
        let from_environment = own(&environment, Source::Environment);
        let from_code = own(&code, Source::Code);
        if !wanted {
            return None;
        }
        if let Some(place) = from_environment {
            if self.preset_from_environment && preset.is_some() {
                let problem = format!("`{}` is set as well", place.name);
                self.defer("VIGIL_PRESET", problem, signal);
            }
            return Some(place);
        }
        if from_code.is_some() && !(self.preset_from_environment && preset.is_some()) {
            return from_code;
        }
        if let Some(preset) = preset {
            return self.preset_place(preset, named);
        }
        explicit.then(|| Place {
            source: Source::Default,
            name: String::new(),
            protocol,
            url: default_url(protocol, signal),
            headers: Vec::new(),
        })
    }

    /// The protocol that somebody chose, and where. One that is not built in is none.
    fn protocol(&self, signal: Signal) -> Option<(String, Protocol)> {
        let own = &self.config.signals[signal as usize].otlp;
        let mut chosen: Option<(String, Protocol)> = None;
        let code = [
            ("VigConfig::otlp", &self.config.otlp),
            ("VigConfig::otlp_for", own),
        ]
        .map(|(name, otlp)| (format!("{name}: protocol"), otlp.protocol.map(Ok)));
        let environment = [of_all("PROTOCOL"), of_signal(signal, "PROTOCOL")].map(|name| {
            let text = self.env.text(&name);
            (name, text.map(|text| one_of(&text)))
        });
        for (name, value) in code.into_iter().chain(environment) {
            let value: Parsed<Protocol> = match value {
                Some(value) => value,
                None => continue,
            };
            let problem = match value {
                Ok(protocol) if (self.is_built_in)(protocol) => {
                    chosen = Some((name, protocol));
                    continue;
                }
                Ok(protocol) => format!(
                    "`{protocol}` needs the feature `{}`, which is off",
                    protocol.feature()
                ),
                Err(problem) => problem,
            };
            let current = chosen
                .as_ref()
                .map(|(_, protocol)| *protocol)
                .or_else(|| self.default_protocol());
            match current {
                Some(current) => self.env.warn(name, problem, using(current)),
                None => self.env.warn(name, problem, "nothing is exported"),
            }
        }
        chosen
    }

    /// The protocol where nobody chose one: the first that is built in.
    fn default_protocol(&self) -> Option<Protocol> {
        let mut protocols = Protocol::NAMES.iter().map(|(_, protocol)| *protocol);
        protocols.find(|protocol| (self.is_built_in)(*protocol))
    }

    /// The scheme of endpoints that name none: only gRPC's may.
    fn default_scheme(&self, signal: Signal, protocol: Option<Protocol>) -> Option<&'static str> {
        let own = &self.config.signals[signal as usize].otlp;
        let of_signal = self.env.boolean(&of_signal(signal, "INSECURE"));
        let of_all = self.env.boolean(&of_all("INSECURE"));
        let insecure = of_signal
            .or(of_all)
            .or(own.insecure)
            .or(self.config.otlp.insecure)
            .unwrap_or(false);
        (protocol == Some(Protocol::Grpc)).then_some(if insecure { "http" } else { "https" })
    }

    /// The first of two endpoints that can be read: the signal's, taken to the letter, and the one
    /// for all signals, to which a path is added.
    fn own_place(
        &self,
        signal: Signal,
        endpoints: &[(String, Option<String>); 2],
        source: Source,
        protocol: Protocol,
        scheme: Option<&'static str>,
    ) -> Option<Place> {
        let mut place = None;
        for (index, (name, text)) in endpoints.iter().enumerate() {
            let Some(text) = text else { continue };
            let Some(url) = Url::parse(text, scheme) else {
                let problem = format!(
                    "{} is no URL of `http://` or `https://`",
                    quote(&redact(text))
                );
                self.defer(name, problem, signal);
                continue;
            };
            if place.is_some() {
                continue;
            }
            let address = match protocol {
                Protocol::Grpc => {
                    if url.has_path() {
                        let problem =
                            format!("gRPC has no use for the path in {}", quote(&redact(text)));
                        self.defer(name, problem, signal);
                    }
                    url.origin()
                }
                _ if index == 0 => {
                    if !url.has_path() {
                        let problem = format!(
                            "{} has no path, and `/{}` is only added to the general endpoint",
                            quote(&redact(text)),
                            path(signal),
                        );
                        self.defer(name, problem, signal);
                    }
                    url.verbatim()
                }
                _ => url.join(&path(signal)),
            };
            let authorization = url.authorization();
            place = Some(Place {
                source,
                name: name.clone(),
                protocol,
                url: address,
                headers: authorization
                    .map(|value| ("authorization".to_owned(), value))
                    .into_iter()
                    .collect(),
            });
        }
        place
    }

    fn preset_place(&self, preset: Preset, named: Option<(String, Protocol)>) -> Option<Place> {
        let own = preset
            .protocols()
            .iter()
            .copied()
            .find(|protocol| (self.is_built_in)(*protocol));
        let Some(own) = own else {
            self.report_no_transport();
            return None;
        };
        let protocol = match named {
            Some((_, protocol)) if preset.protocols().contains(&protocol) => protocol,
            Some((name, protocol)) => {
                let problem = format!("`{preset}` does not take `{protocol}`");
                self.env.warn(name, problem, using(own));
                own
            }
            None => own,
        };
        let destination = preset.destination(protocol, self.env)?;
        Some(Place {
            source: Source::Preset,
            name: preset.to_string(),
            protocol,
            url: destination.url,
            headers: destination.headers,
        })
    }

    fn target(&self, signal: Signal, place: Place) -> Target {
        let own = &self.config.signals[signal as usize].otlp;
        let all = &self.config.otlp;
        let code = self.code_applies(own, place.source);
        let timeout = all.timeout.map_or(TIMEOUT, no_limit_if_zero);
        let timeout = own.timeout.map_or(timeout, no_limit_if_zero);
        let timeout = self.env.timeout(&of_all("TIMEOUT"), timeout);
        let timeout = self.env.timeout(&of_signal(signal, "TIMEOUT"), timeout);
        let compression: Compression = own.compression.or(all.compression).unwrap_or_default();
        let compression = self.env.named(&of_all("COMPRESSION"), compression);
        let compression = self
            .env
            .named(&of_signal(signal, "COMPRESSION"), compression);
        let headers = self.headers(signal, &place);
        Target {
            url: place.url,
            protocol: place.protocol,
            headers,
            timeout,
            compression,
            tls: self.tls(signal, [own, all].map(|otlp| code.then_some(otlp))),
        }
    }

    /// Whether headers and certificates in code are for a place from that source: they are for the
    /// endpoint in code, or for any if code has none.
    fn code_applies(&self, own: &Otlp, source: Source) -> bool {
        source == Source::Code || own.endpoint.is_none() && self.config.otlp.endpoint.is_none()
    }

    /// The headers of requests: the first of the signal's and the general ones in the environment
    /// and in code. A preset's requests have its own and no others.
    fn headers(&self, signal: Signal, place: &Place) -> Vec<(String, Secret)> {
        if place.source == Source::Preset {
            return place.headers.clone();
        }
        let own = &self.config.signals[signal as usize].otlp;
        let [of_signal, of_all] = [of_signal(signal, "HEADERS"), of_all("HEADERS")].map(|name| {
            let parsed = Headers::parse(&self.env.text(&name)?);
            // Where no entry can be read, it is as if it weren't set.
            Some(self.sendable(&name, parsed)).filter(|headers| !headers.is_empty())
        });
        let in_code = own
            .headers
            .as_ref()
            .or(self.config.otlp.headers.as_ref())
            .map(|headers| {
                let mut parsed = Headers::default();
                for (name, value) in headers {
                    parsed.add(&quote(name), name.trim(), value.reveal().to_owned());
                }
                parsed
            });
        let mut headers = match (of_signal.or(of_all), in_code) {
            (Some(headers), _) => headers,
            (None, Some(parsed)) if self.code_applies(own, place.source) => {
                self.sendable("Otlp::header", parsed)
            }
            (None, Some(_)) => {
                let problem = format!("`{}` replaces the endpoint that it belongs to", place.name);
                self.env.warn("Otlp::header", problem, "it is not sent");
                Vec::new()
            }
            (None, None) => Vec::new(),
        };
        for (name, value) in &place.headers {
            if !headers.iter().any(|(other, _)| other == name) {
                headers.push((name.clone(), value.clone()));
            }
        }
        headers
    }

    fn sendable(&self, name: &str, parsed: Headers) -> Vec<(String, Secret)> {
        for (problem, outcome) in parsed.problems {
            self.env.warn(name, problem, outcome);
        }
        parsed.headers
    }

    fn tls(&self, signal: Signal, code: [Option<&Otlp>; 2]) -> Tls {
        type Get = fn(&Otlp) -> Option<&PathBuf>;
        let file = |option: &str, get: Get| {
            let names = [of_signal(signal, option), of_all(option)];
            let set =
                names.map(|name| self.env.text(&name).map(|path| (name, PathBuf::from(path))));
            set.into_iter().flatten().next().or_else(|| {
                let path = code.iter().flatten().find_map(|otlp| get(otlp))?;
                Some(("Otlp::client_certificate".to_owned(), path.clone()))
            })
        };
        let ca = file("CERTIFICATE", |otlp| otlp.ca_certificate.as_ref());
        let certificate = file("CLIENT_CERTIFICATE", |otlp| {
            otlp.client_certificate.as_ref()
        });
        let key = file("CLIENT_KEY", |otlp| otlp.client_key.as_ref());
        let client = match (certificate, key) {
            (Some((_, certificate)), Some((_, key))) => Some((certificate, key)),
            (Some((name, _)), None) => {
                self.env.warn(
                    name,
                    "no key is set beside it",
                    "no client certificate is presented",
                );
                None
            }
            (None, Some((name, _))) => {
                let problem = "no client certificate is set beside it";
                self.env.warn(name, problem, "none is presented");
                None
            }
            (None, None) => None,
        };
        let (client_certificate, client_key) = client.unzip();
        Tls {
            ca_certificate: ca.map(|(_, path)| path),
            client_certificate,
            client_key,
        }
    }

    /// Headers that nothing is sent with: there is no endpoint but a preset's, or none at all.
    fn report_unsent_headers(&self, places: &[(Output, Option<Source>, bool); 3]) {
        let report = |name: &str, places: &[&(Output, Option<Source>, bool)]| {
            let sources = places
                .iter()
                .filter(|(.., wanted)| *wanted)
                .map(|(_, source, _)| *source);
            let sources: Vec<_> = sources.collect();
            let preset = sources.contains(&Some(Source::Preset));
            let own = sources
                .iter()
                .flatten()
                .any(|source| *source != Source::Preset);
            if own || sources.is_empty() {
                return;
            }
            let problem = if preset {
                "headers of one's own are not sent to a preset's address"
            } else {
                "there is no endpoint"
            };
            self.env.warn(name, problem, "they are not sent");
        };
        for (signal, place) in SIGNALS.into_iter().zip(places) {
            let name = of_signal(signal, "HEADERS");
            if self.env.text(&name).is_some() {
                report(&name, &[place]);
            }
            if self.config.signals[signal as usize].otlp.headers.is_some() {
                report("Otlp::header", &[place]);
            }
        }
        let all: Vec<_> = places.iter().collect();
        let name = of_all("HEADERS");
        if self.env.text(&name).is_some() {
            report(&name, &all);
        }
        if self.config.otlp.headers.is_some() {
            report("Otlp::header", &all);
        }
    }

    /// Reports a problem with an endpoint once it is known what holds.
    fn defer(&self, name: &str, problem: String, signal: Signal) {
        let mut endpoints = self.endpoints.borrow_mut();
        endpoints.push((name.to_owned(), problem, signal));
    }

    fn report_endpoints(&self, outputs: &[Output; 3]) {
        let endpoints = self.endpoints.take();
        for (name, problem, _) in &endpoints {
            let alike = endpoints
                .iter()
                .filter(|(other, same, _)| other == name && same == problem);
            let signals: Vec<Signal> = alike.map(|(.., signal)| *signal).collect();
            let url = |signal: &Signal| outputs[*signal as usize].target().map(Target::shown_url);
            let outcome = if signals.iter().all(|signal| url(signal).is_none()) {
                match signals.as_slice() {
                    [signal] => format!("{signal} are not exported"),
                    _ => "nothing is exported".to_owned(),
                }
            } else if let [signal] = signals.as_slice() {
                using(format!("`{}`", url(signal).unwrap_or_default()))
            } else {
                let each = signals.iter().map(|signal| match url(signal) {
                    Some(url) => format!("{signal} go to `{url}`"),
                    None => format!("{signal} are not exported"),
                });
                each.collect::<Vec<_>>().join(", ")
            };
            self.env.warn(name, problem, outcome);
        }
    }

    fn report_no_transport(&self) {
        let problem =
            "no feature of `vigil` is on that could send it (`http-proto`, `http-json`, `grpc`)";
        self.env
            .warn("Otlp::protocol", problem, "nothing is exported");
    }
}
