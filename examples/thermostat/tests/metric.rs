//! What leaves the thermostat.

use thermostat::telemetry::registry::REGISTRY;
use thermostat::telemetry::semconv::room::RoomFloor;
use vigil::testing::Pipeline;

#[test]
fn the_metric_is_measured_as_the_conventions_say() {
    let pipeline = Pipeline::new();
    pipeline.scope(|| thermostat::measure(RoomFloor::First, 20.5));
    let metric = pipeline.metric("room.temperature");
    assert_eq!(metric.unit, "Cel");
    assert_eq!(metric.points.len(), 1);
    assert_eq!(
        metric.points[0].attribute("room.floor"),
        Some(&1_i64.into())
    );
    pipeline.assert_conforms(&REGISTRY);
}
