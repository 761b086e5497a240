//! Streamed responses: when their chunks arrive, and how their spans end.

// Numbers come back as they were recorded, to the last bit.
#![allow(clippy::float_cmp)]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::Status;
use vigil::carrier::Stream;
use vigil::records::gen_ai::TokenUsage;
use vigil::registry::REGISTRY;
use vigil::spans::gen_ai::ChatSpan;
use vigil::testing::{ExportedMetric, ExportedSpan, Pipeline};
use vigil::{Deliberate, agent_span, chat_span, phase_span};

const FLAG: &str = "gen_ai.request.stream";
const FIRST: &str = "gen_ai.response.time_to_first_chunk";
const FIRST_METRIC: &str = "gen_ai.client.operation.time_to_first_chunk";
const FURTHER_METRIC: &str = "gen_ai.client.operation.time_per_output_chunk";

#[derive(Debug, PartialEq)]
struct ProviderDown;

/// What a provider does when it is asked for the next chunk.
enum Step {
    Chunk,
    Slow(Duration),
    Fail,
    Panic,
    Span,
    Wait,
}

use Step::{Chunk, Fail, Panic, Slow, Span, Wait};

/// A response that comes in chunks.
struct Response(VecDeque<Step>);

fn response(steps: impl IntoIterator<Item = Step>) -> Response {
    Response(steps.into_iter().collect())
}

impl Stream for Response {
    type Item = Result<&'static str, ProviderDown>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.pop_front() {
            None => return Poll::Ready(None),
            Some(Chunk) => {}
            Some(Slow(time)) => std::thread::sleep(time),
            Some(Fail) => return Poll::Ready(Some(Err(ProviderDown))),
            Some(Panic) => panic!("no such chunk"),
            Some(Span) => drop(tracing::info_span!("decode").entered()),
            Some(Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Some(Ok("chunk")))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(item) = Pin::new(&mut *stream).poll_next(&mut cx) {
            return item;
        }
    }
}

/// Reads the stream to its end and says how many items it had.
fn read<S: Stream + Unpin>(mut stream: S) -> usize {
    std::iter::from_fn(|| next(&mut stream)).count()
}

/// What a pipeline exports of a chat with which `work` is done.
fn exported(work: impl FnOnce(ChatSpan)) -> Pipeline {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        work(chat_span(&deliberate, "sonnet", "anthropic").start());
    });
    pipeline.assert_conforms(&REGISTRY);
    pipeline
}

fn chat(pipeline: &Pipeline) -> ExportedSpan {
    pipeline.span("chat sonnet")
}

fn measured(pipeline: &Pipeline, name: &str) -> Option<ExportedMetric> {
    pipeline
        .metrics()
        .into_iter()
        .find(|metric| metric.name == name)
}

fn further_chunks(pipeline: &Pipeline) -> u64 {
    measured(pipeline, FURTHER_METRIC).map_or(0, |metric| metric.points[0].count)
}

fn seconds(span: &ExportedSpan, key: &str) -> f64 {
    match span.attribute(key) {
        Some(opentelemetry::Value::F64(seconds)) => *seconds,
        other => panic!("`{key}` is {other:?}"),
    }
}

#[test]
fn the_first_chunk_stands_on_the_span_and_on_the_metric() {
    const WAIT: Duration = Duration::from_millis(20);
    let pipeline = exported(|chat| {
        assert_eq!(read(chat.run_stream(response([Slow(WAIT), Chunk]))), 2);
    });
    let chat = chat(&pipeline);
    assert_eq!(*chat.status(), Status::Unset);
    assert_eq!(chat.attribute(FLAG), Some(&true.into()));
    let first = seconds(&chat, FIRST);
    let whole = chat.end_time().duration_since(chat.start_time());
    assert!(first >= WAIT.as_secs_f64(), "{first}");
    assert!(first <= whole.expect("it ends later").as_secs_f64() + 0.001);
    let metric = pipeline.metric(FIRST_METRIC);
    assert_eq!((metric.points[0].count, metric.points[0].value), (1, first));
}

#[test]
fn every_chunk_but_the_first_is_measured_from_the_one_before() {
    const WAIT: Duration = Duration::from_millis(20);
    let steps = || [Chunk, Slow(WAIT), Wait, Slow(WAIT), Chunk];
    let streamed = exported(|chat| {
        read(chat.run_stream(response(steps())));
    });
    let called_back = exported(|chat| {
        let mut response = response(steps());
        while next(&mut response).is_some() {
            chat.record_chunk();
        }
    });
    for pipeline in [streamed, called_back] {
        let metric = pipeline.metric(FURTHER_METRIC);
        let point = metric.point(&[("gen_ai.request.model", "sonnet")]);
        assert_eq!(point.count, 3);
        assert!(point.value >= 2.0 * WAIT.as_secs_f64(), "{}", point.value);
        assert_eq!(chat(&pipeline).attribute(FLAG), Some(&true.into()));
        assert_eq!(*chat(&pipeline).status(), Status::Unset);
    }
}

#[test]
fn what_the_caller_says_of_the_stream_is_kept() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let chat = chat_span(&Deliberate::current(), "sonnet", "anthropic")
            .request_stream(false)
            .start();
        chat.record_response_time_to_first_chunk(Duration::from_millis(250));
        read(chat.run_stream(response([Chunk])));
    });
    assert_eq!(chat(&pipeline).attribute(FLAG), Some(&false.into()));
    assert_eq!(seconds(&chat(&pipeline), FIRST), 0.25);
}

#[test]
fn the_first_chunk_counts_from_the_start_that_was_given() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let chat = chat_span(&Deliberate::current(), "sonnet", "anthropic")
            .start_time(SystemTime::now() - Duration::from_secs(5))
            .start();
        chat.record_chunk();
    });
    assert!(seconds(&chat(&pipeline), FIRST) >= 5.0);
}

#[test]
fn an_abandoned_stream_is_cancelled_whoever_has_the_span() {
    let borrowed = exported(|chat| {
        let mut stream = chat.run_stream(response([Chunk, Chunk]));
        assert_eq!(next(&mut stream), Some(Ok("chunk")));
    });
    let owned = exported(|chat| {
        let mut stream = chat.into_stream(response([Chunk, Chunk]));
        assert_eq!(next(&mut stream), Some(Ok("chunk")));
    });
    let never_polled = exported(|chat| drop(chat.into_stream(response([Chunk]))));
    for (pipeline, arrived) in [(borrowed, true), (owned, true), (never_polled, false)] {
        let chat = chat(&pipeline);
        assert_eq!(chat.text("error.type"), Some("cancelled"));
        assert_eq!(*chat.status(), Status::error(""));
        assert_eq!(chat.attribute(FIRST).is_some(), arrived);
        assert_eq!(chat.attribute(FLAG), Some(&true.into()));
        let duration = pipeline.metric("gen_ai.client.operation.duration");
        assert_eq!(duration.point(&[("error.type", "cancelled")]).count, 1);
    }
}

#[test]
fn an_error_in_the_stream_is_how_the_span_ended() {
    let stopped_at_it = exported(|chat| {
        let mut stream = chat.run_stream(response([Chunk, Fail, Chunk]));
        next(&mut stream);
        assert_eq!(next(&mut stream), Some(Err(ProviderDown)));
    });
    let went_on = exported(|chat| {
        assert_eq!(read(chat.into_stream(response([Chunk, Fail, Chunk]))), 3);
    });
    for pipeline in [stopped_at_it, went_on] {
        let error_type = Some("streams::ProviderDown");
        assert_eq!(chat(&pipeline).text("error.type"), error_type);
    }
}

#[test]
fn an_error_is_no_chunk_and_a_caller_can_classify_it() {
    let classify = |_: &ProviderDown| "overloaded";
    let borrowed = exported(|chat| {
        read(chat.run_stream_with(response([Fail]), classify));
    });
    let owned = exported(|chat| {
        read(chat.into_stream_with(response([Fail]), classify));
    });
    for pipeline in [borrowed, owned] {
        assert_eq!(chat(&pipeline).text("error.type"), Some("overloaded"));
        assert_eq!(chat(&pipeline).attribute(FIRST), None);
    }
}

#[test]
fn a_panic_in_a_stream_ends_its_span_as_one() {
    let caught_and_kept = exported(|chat| {
        let mut stream = chat.run_stream(response([Chunk, Panic]));
        next(&mut stream);
        assert!(catch_unwind(AssertUnwindSafe(|| next(&mut stream))).is_err());
        drop(stream);
    });
    let unwound = exported(|chat| {
        let stream = chat.into_stream(response([Chunk, Panic]));
        assert!(catch_unwind(AssertUnwindSafe(|| read(stream))).is_err());
    });
    for pipeline in [caught_and_kept, unwound] {
        assert_eq!(chat(&pipeline).text("error.type"), Some("panic"));
    }
}

#[test]
fn an_empty_stream_is_a_success_without_a_first_chunk() {
    let pipeline = exported(|chat| {
        assert_eq!(read(chat.run_stream(response([]))), 0);
    });
    assert_eq!(*chat(&pipeline).status(), Status::Unset);
    assert_eq!(chat(&pipeline).attribute("error.type"), None);
    assert_eq!(chat(&pipeline).attribute(FIRST), None);
    assert!(measured(&pipeline, FIRST_METRIC).is_none());
    assert!(measured(&pipeline, FURTHER_METRIC).is_none());
}

#[test]
fn after_a_retry_the_last_stream_and_the_first_chunk_of_all_count() {
    const WAIT: Duration = Duration::from_millis(250);
    let pipeline = exported(|chat| {
        read(chat.run_stream(response([Chunk, Chunk, Fail])));
        std::thread::sleep(WAIT);
        read(chat.run_stream(response([Chunk, Chunk, Chunk])));
    });
    assert_eq!(*chat(&pipeline).status(), Status::Unset);
    assert!(seconds(&chat(&pipeline), FIRST) < WAIT.as_secs_f64());
    // The pause between the two is no chunk's time.
    assert_eq!(further_chunks(&pipeline), 3);
    let slowest = pipeline.metric(FURTHER_METRIC).points[0].value;
    assert!(slowest < WAIT.as_secs_f64(), "{slowest}");
}

#[test]
fn a_stream_runs_in_its_span_on_whatever_thread_polls_it() {
    let pipeline = exported(|chat| {
        let stream = chat.into_stream(response([Span, Chunk]));
        let reader = std::thread::spawn(move || read(stream));
        assert_eq!(reader.join().expect("it reads on"), 2);
    });
    assert!(pipeline.span("decode").is_child_of(&chat(&pipeline)));
    assert_eq!(further_chunks(&pipeline), 1);
}

#[test]
fn a_stream_that_borrows_nothing_can_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    let pipeline = exported(|chat| {
        let stream = chat.run_stream(response([Wait, Span, Wait, Chunk]));
        let reader = runtime.spawn(async move {
            let mut stream = pin!(stream);
            let mut read = 0;
            while poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_some() {
                read += 1;
            }
            read
        });
        assert_eq!(runtime.block_on(reader).expect("it reads on"), 2);
    });
    assert!(pipeline.span("decode").is_child_of(&chat(&pipeline)));
    assert_eq!(*chat(&pipeline).status(), Status::Unset);
}

#[test]
fn a_span_in_its_stream_can_be_recorded_on_until_the_stream_ends() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        let agent = agent_span("s-1", "arcan").start();
        let deliberate = phase_span(&agent, Deliberate);
        let chat = chat_span(&deliberate, "sonnet", "anthropic").start();
        let mut stream = chat.into_stream(response([Chunk, Chunk]));
        while next(&mut stream).is_some() {
            let Some(chat) = stream.span() else { break };
            chat.record_token_usage(&TokenUsage::default().output_tokens(2));
        }
        assert!(stream.span().is_none());
        // It ended with the stream, which is still there.
        assert_eq!(*pipeline.span("chat sonnet").status(), Status::Unset);
        assert_eq!(next(&mut stream), None);
    });
    let tokens = Some(&4_i64.into());
    assert_eq!(
        chat(&pipeline).attribute("gen_ai.usage.output_tokens"),
        tokens
    );
    pipeline.assert_conforms(&REGISTRY);
}

#[test]
fn what_each_chunk_tells_is_recorded_as_it_passes() {
    let pipeline = exported(|chat| {
        let stream = chat
            .into_stream(response([Chunk, Chunk, Fail]))
            .on_chunk(|chat, text| {
                tracing::info!(text, "a chunk");
                chat.record_token_usage(&TokenUsage::default().output_tokens(1));
            });
        assert_eq!(read(stream), 3);
    });
    let chat = chat(&pipeline);
    assert_eq!(
        chat.attribute("gen_ai.usage.output_tokens"),
        Some(&2_i64.into())
    );
    assert_eq!(chat.events().len(), 2, "they were told in the span");
    assert_eq!(chat.text("error.type"), Some("streams::ProviderDown"));
}

#[test]
fn what_watches_a_stream_does_not_break_it_when_it_panics() {
    let classify = |_: &ProviderDown| -> &'static str { panic!("no such class") };
    let pipeline = exported(|chat| {
        let stream = chat.into_stream_with(response([Chunk, Fail]), classify);
        let stream = stream.on_chunk(|_, text| panic!("no such {text}"));
        assert_eq!(read(stream), 2);
    });
    let error_type = Some("streams::ProviderDown");
    assert_eq!(chat(&pipeline).text("error.type"), error_type);
}

#[test]
fn a_stream_says_how_much_is_left_and_stays_at_its_end() {
    struct Endless(bool);
    impl Stream for Endless {
        type Item = Result<(), ProviderDown>;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            // Not fused: it begins anew after its end.
            self.0 = !self.0;
            Poll::Ready(self.0.then_some(Ok(())))
        }
    }
    let work = |chat: &ChatSpan| {
        let mut stream = chat.run_stream(response([Chunk, Chunk]));
        assert_eq!(stream.size_hint(), (2, Some(2)));
        next(&mut stream);
        assert_eq!(stream.size_hint(), (1, Some(1)));
        read(&mut stream);
        assert_eq!(stream.size_hint(), (0, Some(0)));
        let mut stream = chat.run_stream(Endless(false));
        assert_eq!(read(&mut stream), 1);
        assert_eq!(next(&mut stream), None);
    };
    exported(|chat| work(&chat));
    // The same outside of the pipeline.
    work(&chat_span(&Deliberate::current(), "sonnet", "anthropic").start());
}

#[test]
fn chunks_that_arrive_after_the_span_has_ended_are_not_measured() {
    let pipeline = exported(|chat| {
        let mut stream = chat.run_stream(response([Chunk, Chunk, Chunk]));
        next(&mut stream);
        chat.end();
        read(stream);
    });
    assert_eq!(*chat(&pipeline).status(), Status::Unset);
    assert_eq!(further_chunks(&pipeline), 0);
}

#[test]
fn a_span_that_was_found_streams_and_is_ended_by_its_owner() {
    let pipeline = exported(|chat| {
        chat.in_scope(|| {
            let found = ChatSpan::current();
            read(found.into_stream(response([Chunk, Chunk])));
        });
        chat.record_finish_reason("stop");
    });
    assert!(seconds(&chat(&pipeline), FIRST) > 0.0);
    assert_eq!(further_chunks(&pipeline), 1);
    let reasons = chat(&pipeline);
    assert!(
        reasons
            .attribute("gen_ai.response.finish_reasons")
            .is_some()
    );
}

#[test]
fn a_foreign_span_carries_the_first_chunk_and_feeds_no_metric() {
    const WAIT: Duration = Duration::from_millis(250);
    let pipeline = Pipeline::new();
    pipeline.scope(|| {
        tracing::info_span!("completion").in_scope(|| {
            let chat = ChatSpan::current();
            read(chat.run_stream(response([Chunk, Chunk])));
            std::thread::sleep(WAIT);
            read(chat.run_stream(response([Chunk])));
        });
    });
    let span = pipeline.span("completion");
    let first = seconds(&span, FIRST);
    assert!(first > 0.0 && first < WAIT.as_secs_f64(), "{first}");
    assert_eq!(span.attribute(FLAG), Some(&true.into()));
    // It lacks what the metric requires.
    assert!(measured(&pipeline, FURTHER_METRIC).is_none());
}

#[test]
fn what_a_stream_holds_is_dropped_in_its_span() {
    struct Connection(Response);
    impl Stream for Connection {
        type Item = Result<&'static str, ProviderDown>;
        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Pin::new(&mut self.0).poll_next(cx)
        }
    }
    impl Drop for Connection {
        fn drop(&mut self) {
            drop(tracing::info_span!("close").entered());
        }
    }
    let ended = exported(|chat| {
        read(chat.into_stream(Connection(response([Chunk]))));
    });
    let abandoned = exported(|chat| drop(chat.run_stream(Connection(response([Chunk])))));
    for pipeline in [ended, abandoned] {
        assert!(pipeline.span("close").is_child_of(&chat(&pipeline)));
    }
}
