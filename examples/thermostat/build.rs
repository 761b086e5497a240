//! Makes code of `conventions/`.

fn main() {
    vigil_gen::Build::new("conventions")
        .module("crate::telemetry")
        .run();
}
