//! Packs the description of the surface: without the white space that people read it by, and compressed.

use std::{env, error::Error, fs, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

const DESCRIPTION: &str = "openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    println!("cargo::rerun-if-changed=build.rs");
    let document: Value = serde_json::from_slice(&fs::read(DESCRIPTION)?)?;
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(&serde_json::to_vec(&document)?)?;
    let packed = writer.finish()?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("openapi.json.gz"), packed)?;
    Ok(())
}
