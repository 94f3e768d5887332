//! `check --count N --seed S`: random configurations against the naive reference.

use check::config::Config;
use check::draw::list_len;
use check::judge::Verdict;
use check::shrink::{shrink, try_judge};
use check::source::{Source, mix};
use check::summary::Summary;
use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
Compares segloss with a plain f64 reference on random configurations.

  --count N     configurations, 2000 by default
  --seed S      the first of their seeds, 1 by default; configuration k has the seed S + k
  --voxels N    the largest sample, in voxels; without it samples have up to 40,001, which take most of the time
  --failures N  stops after so many failures, 1 by default

A failure is printed with its seed, and shrunk to a small configuration that still fails. To see it again:
--count 1 --seed THAT. The exit code is 0 if all agree, 1 if one fails or an option never occurred, 2 for wrong usage.";

struct Options {
    count: u64,
    seed: u64,
    voxels: usize,
    failures: usize,
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { count: 2000, seed: 1, voxels: usize::MAX, failures: 1 };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("count") => options.count = parser.value()?.parse()?,
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("voxels") => options.voxels = parser.value()?.parse::<usize>()?.max(1),
            Long("failures") => options.failures = parser.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    // A panic is a failure with a seed, not a backtrace.
    std::panic::set_hook(Box::new(|_| ()));
    compare(&options)
}

fn compare(options: &Options) -> ExitCode {
    let Options { count, seed, voxels, failures: most } = *options;
    let only = if voxels == usize::MAX { String::new() } else { format!(" --voxels {voxels}") };
    let (mut summary, mut failures) = (Summary::default(), 0);
    let (begin, mut last) = (Instant::now(), Instant::now());
    for k in 0..count {
        let seed = seed.wrapping_add(k);
        let config = Config::draw(
            &mut Source::of_seed(seed),
            (mix(seed / list_len() as u64) as usize % list_len() + seed as usize) % list_len(),
            voxels,
        );
        match try_judge(&config, &mut summary.worst) {
            Verdict::Agrees => summary.note(&config),
            Verdict::Undecided(_) => summary.undecided += 1,
            Verdict::Fails(message) => {
                failures += 1;
                println!("\nseed {seed} fails ({}): {message}", config.loss);
                let (config, message) = shrink(config, message);
                println!("shrunk: {message}\n{config}\nagain: --count 1 --seed {seed}{only}");
                if failures >= most {
                    break;
                }
            }
        }
        if stderr().is_terminal() && last.elapsed() > Duration::from_millis(200) {
            last = Instant::now();
            eprint!("\r{} of {count}, {failures} failures, {:.0} s ", k + 1, begin.elapsed().as_secs_f64());
            let _ = stderr().flush();
        }
    }
    eprintln!();
    print!("{}", summary.report());
    let missing = if failures == 0 { summary.missing() } else { vec![] };
    missing.iter().for_each(|option| println!("never occurred: {option}"));
    println!(
        "{}",
        if failures > 0 {
            "FAILED"
        } else if missing.is_empty() {
            "all agree"
        } else {
            "FAILED: too little was tried"
        }
    );
    if failures > 0 || !missing.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
