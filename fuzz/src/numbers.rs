//! Configurations of `check`, drawn from the fuzzer's bytes.

use check::config::Config;
use check::draw::list_len;
use check::judge::{Verdict, judge};
use check::source::Source;
use check::tolerance::Worst;

/// Threads are slow to start; the other executors find the same bugs.
fn drawn(bytes: &[u8]) -> Config {
    use check::config::Workers;
    let source = &mut Source::of_bytes(bytes);
    let turn = source.below(list_len());
    let mut config = Config::draw(source, turn, usize::MAX);
    if let Workers::Threads(_) = config.workers {
        config.workers = Workers::Backwards;
    }
    config
}

fn check(config: &Config) {
    if let Verdict::Fails(message) = judge(config, &mut Worst::default()) {
        panic!("{}: {message}\n{config}", config.loss);
    }
}

/// Compares a configuration with the naive reference.
pub fn numbers(bytes: &[u8]) {
    check(&drawn(bytes));
}

/// The same in parts, if the loss can be computed in parts.
pub fn parts(bytes: &[u8]) {
    let mut config = drawn(bytes);
    config.parts = 2 + bytes.len() % 7;
    config.mend();
    if config.parts > 0 {
        check(&config);
    }
}
