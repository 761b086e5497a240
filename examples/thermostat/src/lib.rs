//! A thermostat, whose metric is made of `conventions/` when the crate is built: see `build.rs`.

/// What is made of `conventions/`.
pub mod telemetry {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

use telemetry::metrics::room::{TEMPERATURE, TemperatureAttributes};
use telemetry::semconv::room::RoomFloor;

/// Measures how warm a floor is, in degrees Celsius.
pub fn measure(floor: RoomFloor, degrees: f64) {
    TEMPERATURE.record(degrees, &TemperatureAttributes::new(floor));
}
