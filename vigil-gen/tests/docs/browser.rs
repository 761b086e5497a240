//! A page in headless Chromium, driven by a script that is put into a copy of it.

use std::fs;
use std::process::Command;

use crate::support::installed;

/// Names that Chromium is installed under.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Notes what goes wrong while the page loads.
const BEFORE: &str = include_str!("before.js");
/// Uses the page, and writes down what it saw.
const AFTER: &str = include_str!("after.js");

/// Shows the page in a frame that is as wide as a window is to be, since Chromium's own are never narrower
/// than 500 pixels, and hands on what the script writes down.
const FRAME: &str = include_str!("frame.html");

/// What the script saw in a window of that width; nothing, and a word about it, where there is no Chromium.
pub(crate) fn report(page: &str, width: u32) -> Option<serde_json::Value> {
    let chromium = installed(&NAMES)?;
    let dir = tempfile::tempdir().unwrap();
    let page = page.replacen("<head>", &format!("<head><script>{BEFORE}</script>"), 1);
    let page = page.replacen("</body>", &format!("<script>{AFTER}</script></body>"), 1);
    fs::write(dir.path().join("index.html"), page).unwrap();
    let path = dir.path().join("frame.html");
    fs::write(&path, FRAME.replace("WIDTH", &width.to_string())).unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            // Containers have little of it.
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // A file may look into another one, which the frame does.
            "--allow-file-access-from-files",
            "--window-size=1280,900",
            // What the browser itself says to the console of a page is not said to its scripts.
            "--enable-logging=stderr",
            "--virtual-time-budget=60000",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            dir.path().join("profile").display()
        ))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let console: Vec<&str> = log.lines().filter(|it| it.contains(":CONSOLE")).collect();
    let (_, rest) = dom
        .split_once("data-report=\"")
        .unwrap_or_else(|| panic!("the script did not end: {log}"));
    let report = rest.split('"').next().unwrap();
    let report = report
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let mut report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["console"] = console.into();
    Some(report)
}
