//! What is tried again, when, and what is not: as the OTLP specification says, on every protocol.

use std::time::{Duration, Instant, SystemTime};

use vigil::export::{Batch, Protocol, Report};
use vigil_tests::receiver::{Answer, Receiver};

use super::{LONG, PROTOCOLS, Traces, is_grpc, target};

fn answered(protocol: Protocol, answers: &[Answer], timeout: Duration) -> (Receiver, Traces) {
    let receiver = Receiver::plain(is_grpc(protocol));
    for answer in answers {
        receiver.next(answer.clone());
    }
    let traces = Traces::to(target(protocol, &receiver, "/v1/traces").timeout(timeout));
    traces.make(5);
    let _ = traces.provider.force_flush();
    (receiver, traces)
}

fn assert_retried(protocol: Protocol, answer: &Answer) {
    let (receiver, traces) = answered(protocol, std::slice::from_ref(answer), LONG);
    assert_eq!(receiver.requests().len(), 2, "{protocol} {answer:?}");
    assert_eq!(receiver.spans().len(), 5);
    let stats = traces.stats();
    assert_eq!((stats.delivered, stats.lost()), (5, 0));
    assert_eq!(traces.reports.all(), [], "one failed attempt is no outage");
}

fn assert_given_up(protocol: Protocol, answer: &Answer) {
    let (receiver, traces) = answered(protocol, std::slice::from_ref(answer), LONG);
    assert_eq!(receiver.requests().len(), 1, "{protocol} {answer:?}");
    let stats = traces.stats();
    assert_eq!((stats.delivered, stats.failed, stats.lost()), (0, 5, 5));
    assert_eq!(traces.reports.all().len(), 1, "{protocol} {answer:?}");
}

#[test]
fn http_statuses_that_may_pass_are_retried() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        for status in [429, 502, 503, 504] {
            assert_retried(protocol, &Answer::Http(status, vec![], b"busy"));
        }
    }
}

#[test]
fn other_http_statuses_are_not_retried() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        for status in [301, 307, 400, 401, 403, 404, 408, 413, 500, 501] {
            let elsewhere = vec![("Location", "http://127.0.0.1:1/".to_owned())];
            assert_given_up(protocol, &Answer::Http(status, elsewhere, b"no"));
        }
    }
}

#[test]
fn grpc_statuses_that_may_pass_are_retried() {
    // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
    for code in [1, 4, 10, 11, 14, 15] {
        assert_retried(Protocol::Grpc, &Answer::Grpc(code, "busy", None));
    }
    let soon = Some(Duration::from_millis(10));
    assert_retried(Protocol::Grpc, &Answer::Grpc(8, "exhausted", soon));
}

#[test]
fn other_grpc_statuses_are_not_retried() {
    for code in [2, 3, 5, 6, 7, 8, 9, 12, 13, 16] {
        assert_given_up(Protocol::Grpc, &Answer::Grpc(code, "no", None));
    }
}

#[test]
fn what_the_collector_says_is_in_the_report() {
    for protocol in PROTOCOLS {
        let (_, traces) = answered(protocol, &[Answer::Never("wrong \x1b[31mtenant\n")], LONG);
        let reports = traces.reports.all();
        let Report::OutageBegan { reason, .. } = &reports[0] else {
            panic!("{reports:?}");
        };
        assert!(reason.ends_with(": wrong  [31mtenant"), "{reason}");
    }
}

#[test]
fn the_collector_says_when_to_come_again() {
    for protocol in PROTOCOLS {
        let (receiver, traces) = answered(protocol, &[Answer::Later(Some(1))], LONG);
        let requests = receiver.requests();
        let pause = requests[1].at - requests[0].at;
        assert!(pause >= Duration::from_secs(1), "{protocol}: {pause:?}");
        assert_eq!(traces.stats().delivered, 5);
    }
}

#[test]
fn the_collector_says_a_date_to_come_again() {
    let date = SystemTime::now() + Duration::from_secs(2);
    let after = vec![("Retry-After", httpdate::fmt_http_date(date))];
    let begun = Instant::now();
    let (receiver, _) = answered(
        Protocol::HttpProtobuf,
        &[Answer::Http(503, after, b"")],
        LONG,
    );
    let pause = receiver.requests()[1].at - begun;
    assert!(pause >= Duration::from_millis(900), "{pause:?}");
}

#[test]
fn who_is_told_to_wait_for_too_long_gives_up_at_once_and_keeps_away() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.next(Answer::Later(Some(3600)));
        let traces = Traces::batched(
            target(protocol, &receiver, "/v1/traces").timeout(LONG),
            Batch::spans().schedule_delay(Duration::from_millis(10)),
        );
        traces.make(2);
        receiver.wait_for(1);
        traces.make(3);
        let begun = Instant::now();
        traces.provider.shutdown().unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(3), "{protocol}");
        assert_eq!(receiver.requests().len(), 1, "{protocol}");
        assert_eq!(traces.stats().failed, 5);
    }
}

#[test]
fn pauses_grow_until_the_time_is_over() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::plain(is_grpc(protocol));
        receiver.always(Answer::Later(None));
        let timeout = Duration::from_secs(1);
        let traces = Traces::to(target(protocol, &receiver, "/v1/traces").timeout(timeout));
        traces.make(5);
        traces.provider.force_flush().unwrap_err();
        let requests = receiver.requests();
        let pause = |n: usize| requests[n].at - requests[n - 1].at;
        assert!(requests.len() >= 3, "{protocol}: {}", requests.len());
        assert!(pause(1) >= Duration::from_millis(180), "{protocol}");
        assert!(pause(2) >= Duration::from_millis(370), "{protocol}");
        assert_eq!(traces.stats().failed, 5);
        assert_eq!(traces.reports.all().len(), 1);
    }
}

#[test]
fn what_a_collector_rejects_of_a_request_is_counted_and_not_sent_again() {
    for protocol in PROTOCOLS {
        let (receiver, traces) = answered(protocol, &[Answer::Partial(2, "too old")], LONG);
        assert_eq!(receiver.requests().len(), 1);
        let stats = traces.stats();
        assert_eq!((stats.delivered, stats.rejected), (3, 2), "{protocol}");
        let reason = traces.reports.all()[0].to_string();
        assert!(
            reason.ends_with("the collector rejected 2 of 5: too old"),
            "{reason}"
        );
    }
}

#[test]
fn advice_and_nonsense_in_partial_success_lose_nothing() {
    for protocol in PROTOCOLS {
        for (rejected, lost) in [(0, 0), (-7, 0), (i64::MAX, 5)] {
            let (_, traces) = answered(protocol, &[Answer::Partial(rejected, "hm")], LONG);
            assert_eq!(traces.stats().rejected, lost, "{protocol} {rejected}");
        }
    }
}

#[test]
fn broken_connections_are_retried() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        for answer in [Answer::Disconnect, Answer::Noise] {
            assert_retried(protocol, &answer);
        }
    }
}

#[test]
fn an_answer_that_accepts_counts_whatever_its_body_is() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        for answer in [Answer::HalfAnswer, Answer::Garbage, Answer::Endless] {
            let (receiver, traces) = answered(protocol, std::slice::from_ref(&answer), LONG);
            assert_eq!(receiver.requests().len(), 1, "{protocol} {answer:?}");
            assert_eq!(traces.stats().delivered, 5, "{protocol} {answer:?}");
        }
    }
}

#[test]
fn a_web_page_is_no_collector() {
    let page = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
    let answer = Answer::Http(200, page, b"<html>");
    let (_, traces) = answered(Protocol::HttpProtobuf, &[answer], LONG);
    assert_eq!(traces.stats().failed, 5);
    let reason = traces.reports.all()[0].to_string();
    assert!(reason.ends_with("that is no OTLP endpoint"), "{reason}");
}

#[test]
fn a_busy_collector_is_not_asked_again_and_again_at_shutdown() {
    let receiver = Receiver::http();
    receiver.always(Answer::Later(None));
    let traces = Traces::to(target(Protocol::HttpProtobuf, &receiver, "/v1/traces"));
    traces.make(1);
    traces
        .provider
        .shutdown_with_timeout(Duration::from_secs(7))
        .unwrap_err();
    // Pauses double from a quarter of a second on: the fifth would be over too late.
    let requests = receiver.requests().len();
    assert!((4..=6).contains(&requests), "{requests}");
    assert_eq!(traces.stats().failed, 1);
}
