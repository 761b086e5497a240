//! Every transport, whatever the collector does and however the agent ends: the process ends well
//! and in time, and what was made has arrived or is reported lost, to the last piece.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use vigil::export::Protocol;
use vigil_tests::child::{self, PROTOCOLS, Ran, SIGNALS, set, towards};
use vigil_tests::received::exported;
use vigil_tests::receiver::{Answer, Authority, Received, Receiver};

/// What a bound may be exceeded by on a machine that has much to do.
const SLACK: Duration = Duration::from_secs(1);

/// What the rest of a process may take there.
const START: Duration = Duration::from_secs(10);

/// How long a guard that is dropped may take.
const ON_DROP: Duration = Duration::from_secs(2);

/// The spans of the run.
const SPANS: usize = 7;

/// A row of the matrix.
#[derive(Clone, Copy)]
struct Case {
    /// Where the agent runs.
    place: &'static str,
    /// How its pipeline ends, with the bound: milliseconds, or nothing for a guard that is dropped.
    bound: Option<u64>,
    /// The collector, made ready.
    collector: fn(Protocol) -> Collector,
    /// What becomes of the telemetry of each signal.
    fate: Fate,
    /// What else is so.
    check: fn(&Ran, &[Received]),
}

/// An agent in no runtime, that ends in order, and whose collector is well.
const ORDERLY: Case = Case {
    place: "no-runtime",
    bound: Some(5_000),
    collector: |protocol| Collector::at(Receiver::plain(is_grpc(protocol)), protocol),
    fate: Fate::Arrives,
    check: |_, _| {},
};

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Arrives,
    IsLost,
    /// One piece is rejected, the rest arrives.
    IsRejectedInPart,
}

struct Collector {
    receiver: Receiver,
    variables: Vec<(String, String)>,
}

impl Collector {
    fn at(receiver: Receiver, protocol: Protocol) -> Self {
        let variables = towards(protocol, &receiver);
        Self {
            receiver,
            variables,
        }
    }

    /// Answers everything like this.
    fn always(protocol: Protocol, answer: Answer) -> Self {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.always(answer);
        Self::at(receiver, protocol)
    }

    /// Answers the first request of each signal like this.
    fn first(protocol: Protocol, answer: &Answer) -> Self {
        let receiver = Receiver::plain(is_grpc(protocol));
        for path in ["/v1/traces", "/v1/metrics", "/v1/logs"] {
            receiver.next_to(path, answer.clone());
        }
        Self::at(receiver, protocol)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push(set(name, value));
        self
    }
}

fn is_grpc(protocol: Protocol) -> bool {
    protocol == Protocol::Grpc
}

/// Something that listens and speaks, and no OTLP.
fn babbler() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = socket.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n\r\n");
                let _ = socket.read(&mut [0; 4096]);
            });
        }
    });
    port
}

fn try_out(case: &Case, protocol: Protocol) {
    let Collector {
        receiver,
        variables,
    } = (case.collector)(protocol);
    let end = case
        .bound
        .map_or("drop".to_owned(), |bound| bound.to_string());
    let ran = child::run(
        env!("CARGO_BIN_EXE_loop"),
        &["most", case.place, &end],
        &variables,
    );
    assert!(ran.status.success(), "{protocol}: {ran:?}");
    let bound = case.bound.map_or(ON_DROP, Duration::from_millis);
    assert!(ended_in(&ran) < bound + SLACK, "{protocol}: {ran:?}");
    assert!(ran.took < bound + START, "{protocol}: {ran:?}");

    let all = exported(&receiver.requests());
    let spans = match case.fate {
        Fate::Arrives | Fate::IsRejectedInPart => SPANS,
        Fate::IsLost => 0,
    };
    assert_eq!(all.spans.len(), spans, "{protocol}: {ran:?}");
    assert_eq!(all.metrics.is_empty(), spans == 0, "{protocol}: {ran:?}");
    assert_eq!(all.logs.is_empty(), spans == 0, "{protocol}: {ran:?}");
    let tells_of_loss = ran.lines.contains("lost");
    assert_eq!(
        tells_of_loss,
        case.fate != Fate::Arrives,
        "{protocol}: {ran:?}"
    );
    if case.bound.is_some() {
        add_up(case, &receiver, &ran);
    }
    (case.check)(&ran, &receiver.requests());
}

/// How long its pipeline took to end.
fn ended_in(ran: &Ran) -> Duration {
    let line = ran
        .out
        .lines()
        .find_map(|line| line.strip_prefix("ended in "));
    let millis = line.and_then(|line| line.strip_suffix(" ms")?.parse().ok());
    Duration::from_millis(millis.unwrap_or_else(|| panic!("{ran:?}")))
}

/// What the agent says it made, delivered and lost is what the collector got.
fn add_up(case: &Case, receiver: &Receiver, ran: &Ran) {
    for signal in SIGNALS {
        let [created, delivered, dropped, rejected, failed, pending] = [
            "created",
            "delivered",
            "dropped",
            "rejected",
            "failed",
            "pending",
        ]
        .map(|name| ran.number(signal, name));
        assert!(created > 0, "{ran:?}");
        assert_eq!((dropped, pending), (0, 0), "{ran:?}");
        let acknowledged = receiver.acknowledged(signal);
        assert_eq!(acknowledged.taken, delivered, "{ran:?}");
        assert_eq!(acknowledged.rejected, rejected, "{ran:?}");
        let expected = match case.fate {
            Fate::Arrives => (created, 0, 0),
            Fate::IsLost => (0, 0, created),
            Fate::IsRejectedInPart => (created - 1, 1, 0),
        };
        assert_eq!((delivered, rejected, failed), expected, "{ran:?}");
    }
}

/// A test for each row, over all transports or those that are named.
macro_rules! matrix {
    ($($sentence:ident $(over $protocols:expr)?, $case:expr;)*) => {
        $(#[test]
        fn $sentence() {
            let all: &[Protocol] = &PROTOCOLS;
            let named: &[&[Protocol]] = &[$(&$protocols)?];
            let protocols = named.first().unwrap_or(&all);
            std::thread::scope(|scope| {
                for protocol in *protocols {
                    scope.spawn(move || try_out(&$case, *protocol));
                }
            });
        })*
    };
}

matrix! {
    an_agent_that_ends_in_order_hands_over_everything, ORDERLY;

    an_agent_that_drops_its_guard_hands_over_everything, Case {
        bound: None,
        ..ORDERLY
    };

    a_current_thread_runtime_makes_no_difference, Case {
        place: "current-thread",
        ..ORDERLY
    };

    a_guard_that_is_dropped_in_a_current_thread_runtime_hands_over_everything, Case {
        place: "current-thread",
        bound: None,
        ..ORDERLY
    };

    a_multi_thread_runtime_makes_no_difference, Case {
        place: "multi-thread",
        ..ORDERLY
    };

    a_guard_that_is_dropped_in_a_multi_thread_runtime_hands_over_everything, Case {
        place: "multi-thread",
        bound: None,
        ..ORDERLY
    };

    a_collector_that_is_not_there_is_not_waited_for, Case {
        bound: Some(30_000),
        collector: |protocol| {
            Collector::at(Receiver::down(is_grpc(protocol), None, false), protocol)
        },
        fate: Fate::IsLost,
        check: |ran, _| assert!(ended_in(ran) < Duration::from_secs(3), "{ran:?}"),
        ..ORDERLY
    };

    a_dropped_guard_does_not_wait_for_a_collector_that_is_not_there, Case {
        bound: None,
        collector: |protocol| {
            Collector::at(Receiver::down(is_grpc(protocol), None, false), protocol)
        },
        fate: Fate::IsLost,
        ..ORDERLY
    };

    a_collector_that_hangs_costs_the_exit_its_bound, Case {
        bound: Some(500),
        collector: |protocol| Collector::always(protocol, Answer::Hang),
        fate: Fate::IsLost,
        ..ORDERLY
    };

    a_collector_that_hangs_costs_a_dropped_guard_two_seconds, Case {
        bound: None,
        collector: |protocol| Collector::always(protocol, Answer::Hang),
        fate: Fate::IsLost,
        ..ORDERLY
    };

    a_collector_that_hangs_costs_no_more_inside_a_runtime, Case {
        place: "current-thread",
        bound: Some(500),
        collector: |protocol| Collector::always(protocol, Answer::Hang),
        fate: Fate::IsLost,
        ..ORDERLY
    };

    a_collector_that_is_busy_gets_everything_when_it_said_it_would, Case {
        bound: Some(10_000),
        collector: |protocol| Collector::first(protocol, &Answer::Later(Some(1))),
        check: |ran, requests| {
            assert_eq!(requests.len(), 6, "each signal twice: {ran:?}");
            assert!(ended_in(ran) >= Duration::from_secs(1), "{ran:?}");
        },
        ..ORDERLY
    };

    a_collector_that_rejects_a_part_is_told_apart_from_one_that_takes_all, Case {
        collector: |protocol| Collector::first(protocol, &Answer::Partial(1, "too long")),
        fate: Fate::IsRejectedInPart,
        check: |ran, requests| {
            assert_eq!(requests.len(), 3, "what was rejected is not sent again: {ran:?}");
            assert!(ran.lines.contains("too long"), "{ran:?}");
        },
        ..ORDERLY
    };

    a_collector_that_refuses_is_quoted_and_not_bothered_again, Case {
        collector: |protocol| Collector::always(protocol, Answer::Never("no such tenant")),
        fate: Fate::IsLost,
        check: |ran, requests| {
            assert_eq!(requests.len(), 3, "{ran:?}");
            assert!(ran.lines.contains("no such tenant"), "{ran:?}");
        },
        ..ORDERLY
    };

    an_answer_that_accepts_in_garbage_accepts over [Protocol::HttpProtobuf, Protocol::HttpJson],
    Case {
        collector: |protocol| Collector::always(protocol, Answer::Garbage),
        ..ORDERLY
    };

    what_speaks_no_otlp_gets_nothing_and_is_not_waited_for, Case {
        bound: Some(20_000),
        collector: |protocol| {
            Collector::at(Receiver::plain(is_grpc(protocol)), protocol).with(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &format!("http://127.0.0.1:{}", babbler()),
            )
        },
        fate: Fate::IsLost,
        check: |ran, _| assert!(ended_in(ran) < Duration::from_secs(3), "{ran:?}"),
        ..ORDERLY
    };

    an_authority_of_ones_own_is_trusted, Case {
        collector: |protocol| {
            let authority = Authority::new();
            let file = authority.ca_file().display().to_string();
            let receiver = Receiver::tls(is_grpc(protocol), authority, false);
            Collector::at(receiver, protocol).with("OTEL_EXPORTER_OTLP_CERTIFICATE", &file)
        },
        ..ORDERLY
    };

    a_collector_that_nobody_vouches_for_gets_nothing, Case {
        collector: |protocol| {
            let receiver = Receiver::tls(is_grpc(protocol), Authority::new(), false);
            Collector::at(receiver, protocol)
        },
        fate: Fate::IsLost,
        check: |ran, _| assert!(ran.lines.to_lowercase().contains("certificate"), "{ran:?}"),
        ..ORDERLY
    };

    a_collector_without_tls_gets_nothing_that_was_meant_to_be_secret, Case {
        collector: |protocol| {
            let receiver = Receiver::plain(is_grpc(protocol));
            let url = receiver.url("").replace("http://", "https://");
            Collector::at(receiver, protocol).with("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        },
        fate: Fate::IsLost,
        check: |ran, requests| assert!(requests.is_empty(), "{ran:?}"),
        ..ORDERLY
    };

    gzip_is_used_if_it_is_asked_for, Case {
        collector: |protocol| {
            Collector::at(Receiver::plain(is_grpc(protocol)), protocol)
                .with("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        },
        check: |ran, requests| {
            for request in requests {
                let encoding = ["content-encoding", "grpc-encoding"]
                    .iter()
                    .find_map(|name| request.headers.get(*name));
                assert_eq!(encoding.map(String::as_str), Some("gzip"), "{ran:?}");
            }
        },
        ..ORDERLY
    };

    headers_reach_the_collector_with_every_signal_and_no_log, Case {
        collector: |protocol| {
            Collector::at(Receiver::plain(is_grpc(protocol)), protocol).with(
                "OTEL_EXPORTER_OTLP_HEADERS",
                "Authorization=Bearer%20tok-17,x-tenant=acme",
            )
        },
        check: |ran, requests| {
            for request in requests {
                assert_eq!(request.headers["authorization"], "Bearer tok-17");
                assert_eq!(request.headers["x-tenant"], "acme");
            }
            assert!(!ran.lines.contains("tok-17"), "{ran:?}");
        },
        ..ORDERLY
    };
}
