//! The child that opens PDF files and archives, for tests whose server runs inside the test's own process.

fn main() -> std::process::ExitCode {
    server::file_reader::run_child()
}
