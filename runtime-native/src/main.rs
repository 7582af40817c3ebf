//! The command `portico`.

/// Tells what allocated the memory that is in use, where `PORTICO_PPROF=on` asks it to (see `docs/decisions/0018-profiles-in-the-binary.md`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    portico_native::main()
}
