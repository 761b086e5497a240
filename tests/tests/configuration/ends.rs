//! How the pipeline ends.

use vigil_tests::receiver::{Answer, Receiver};

use super::{Seen, names, setter, variable};

pub(super) const SEEN: &[Seen] = &[
    (
        handing_over_takes_no_longer_than_it_may,
        &["VIGIL_SHUTDOWN_TIMEOUT", "VigConfig::shutdown_timeout"],
    ),
    (
        signals_are_waited_for_unless_they_are_not_to_be,
        &["VigConfig::handle_signals"],
    ),
    (
        a_fatal_panic_is_the_end_of_the_pipeline,
        &["VigConfig::panics_are_fatal"],
    ),
];

#[test]
fn handing_over_takes_no_longer_than_it_may() {
    for way in [
        variable("VIGIL_SHUTDOWN_TIMEOUT", "100"),
        setter("shutdown_timeout", "100"),
    ] {
        let receiver = Receiver::http();
        receiver.always(Answer::Hang);
        let ran = way.to(&receiver).run("drop");
        assert!(ran.millis() < 1_500, "{}", ran.out);
    }
    let receiver = Receiver::http();
    receiver.always(Answer::Hang);
    let ran = setter("shutdown_timeout", "1700").to(&receiver).run("drop");
    assert!(ran.millis() >= 1_600, "{}", ran.out);
}

#[cfg(target_os = "linux")]
#[test]
fn signals_are_waited_for_unless_they_are_not_to_be() {
    for (handled, expected) in [("true", true), ("false", false)] {
        let ran = setter("handle_signals", handled).run("threads");
        assert_eq!(ran.out.contains("vigil-signals"), expected, "{}", ran.out);
    }
}

#[cfg(not(target_os = "linux"))]
fn signals_are_waited_for_unless_they_are_not_to_be() {}

#[test]
fn a_fatal_panic_is_the_end_of_the_pipeline() {
    for (fatal, last) in [("true", false), ("false", true)] {
        let receiver = Receiver::http();
        setter("panics_are_fatal", fatal).to(&receiver).run("panic");
        let names = names(&receiver);
        assert!(names.contains("invoke_agent before"), "{names:?}");
        assert_eq!(names.contains("invoke_agent after"), last, "{names:?}");
    }
}
