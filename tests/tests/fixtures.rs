//! What the generator makes of its golden registries compiles, without a warning.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use vigil_tests::scratch::{Package, workspace};

/// Puts the code of one registry below `src`; the module that hangs it into the crate.
fn module(case: &Path, src: &Path) -> String {
    let name = case
        .file_name()
        .and_then(|name| name.to_str())
        .expect("cases are in ASCII");
    let name = format!("golden_{}", name.replace('-', "_"));
    let out = src.join(&name);
    let mut options = vigil_gen::Options::new(case, workspace().join("templates"), &out);
    options.module = format!("crate::{name}");
    vigil_gen::generate(&options).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    let mut module = format!("/// The registry `{name}`.\npub mod {name} {{\n");
    let mut files: Vec<_> = fs::read_dir(&out)
        .expect("it was written")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    for file in files {
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("it is in ASCII");
        writeln!(module, "    /// Generated.\n    pub mod {stem};").expect("a string takes all");
    }
    module + "}\n"
}

/// A registry that imports all of OpenTelemetry's, which is no part of this repository: it is looked
/// for beside the workspace, or where `VIGIL_UPSTREAM` says.
fn upstream(below: &Path) -> Option<PathBuf> {
    let place = env::var_os("VIGIL_UPSTREAM")
        .map_or_else(|| workspace().join("../shared/upstream"), PathBuf::from);
    let versions = fs::read_dir(&place).into_iter().flatten().flatten();
    let mut models: Vec<PathBuf> = versions.map(|it| it.path().join("model")).collect();
    models.sort();
    let Some(model) = models.into_iter().rfind(|model| model.is_dir()) else {
        eprintln!(
            "without OpenTelemetry's registry: it is not in {} (VIGIL_UPSTREAM says where it is)",
            place.display()
        );
        return None;
    };
    let registry = below.join("upstream");
    fs::create_dir_all(&registry).expect("it can be made");
    let manifest = format!(
        "schema_url: https://example.com/schemas/all/1.0.0\ndependencies:\n  \
         - {{ schema_url: 'https://opentelemetry.io/schemas/1.0.0', registry_path: '{}' }}\n",
        model.display()
    );
    fs::write(registry.join("manifest.yaml"), manifest).expect("it can be written");
    let imports = "file_format: definition/2\nimports: { spans: ['*'], metrics: ['*'], \
                   events: ['*'], entities: ['*'], attribute_groups: ['*'] }\n";
    fs::write(registry.join("all.yaml"), imports).expect("it can be written");
    Some(registry)
}

#[test]
fn the_code_of_every_golden_registry_compiles_without_a_warning() {
    let workspace = workspace();
    let package = Package::new(
        "golden",
        &format!(
            "[dependencies]\nvigil.path = {:?}\ntracing = \"0.1\"",
            workspace.join("vigil")
        ),
    );

    let mut lib =
        "//! Golden registries, generated.\n#![deny(warnings, missing_docs, clippy::all)]\n"
            .to_owned();
    let mut cases: Vec<_> = fs::read_dir(workspace.join("vigil-gen/tests/generated"))
        .expect("the golden registries are there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    cases.sort();
    assert!(cases.len() > 5, "{cases:?}");
    for case in &cases {
        lib += &module(case, &package.src());
    }
    let upstream = upstream(package.src().parent().expect("it is below the package"));
    if let Some(registry) = &upstream {
        lib += &module(registry, &package.src());
    }
    package.file("lib.rs", &lib);

    let output = package.cargo(["clippy"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
