//! The bodies of the fuzz targets. Each derives its choices from bytes and panics where a promise is broken.
//!
//! Buffers end (or begin) at an inaccessible page. Outputs are filled with a pattern and compared with it after an error.

mod arguments;
mod c_distance;
mod c_held;
mod c_inits;
mod c_terms;
mod c_verbs;
mod distance;
mod memory;
mod numbers;
mod rust_door;

pub use c_distance::c_distance;
pub use c_verbs::c_verbs;
pub use distance::distance;
pub use numbers::{numbers, parts};
pub use rust_door::rust_door;

#[cfg(test)]
mod tests {
    /// Random bytes through each target, without a fuzzer.
    #[test]
    fn random_bytes_break_no_promise() {
        let count = std::env::var("COUNT").map_or(2000, |count| count.parse().unwrap());
        let only = std::env::var("TARGET").ok();
        let targets: [(&str, fn(&[u8])); 6] = [
            ("c_verbs", crate::c_verbs),
            ("c_distance", crate::c_distance),
            ("rust_door", crate::rust_door),
            ("numbers", crate::numbers),
            ("parts", crate::parts),
            ("distance", crate::distance),
        ];
        for (name, target) in targets {
            if only.as_ref().is_some_and(|only| only != name) {
                continue;
            }
            for k in 0..count {
                let numbers = check::source::Numbers::new(k, 0);
                let len = numbers.below(0, 200);
                let bytes: Vec<u8> = (1..=len).map(|at| numbers.bits(at) as u8).collect();
                if std::env::var("VERBOSE").is_ok() {
                    eprintln!("{name} {k}");
                }
                target(&bytes);
            }
        }
    }
}
