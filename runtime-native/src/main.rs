//! The command `portico`.

fn main() -> std::process::ExitCode {
    portico_native::main()
}
