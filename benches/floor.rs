//! How far each loss is from the memory floor of the same arrays, measured in the same run.
//!
//! The floor is what loops take that do no mathematics: they read the labels once (the census), the logits
//! once per sweep, and write the gradient. `cargo bench --bench floor`
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Focal, Form, GeneralizedDice, Gradient, Term, TopK, Tversky, View,
    ViewMut, differentiate, scratch_len,
};
use std::hint::black_box;
use std::time::Instant;

struct Shape {
    name: &'static str,
    shape: [usize; 3],
}

fn main() {
    let only: Option<String> = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    for Shape { name, shape } in [
        Shape { name: "2x4x128^3", shape: [2, 4, 128 * 128 * 128] },
        Shape { name: "8x21x256^2", shape: [8, 21, 256 * 256] },
        Shape { name: "2x4x64^2", shape: [2, 4, 64 * 64] },
    ] {
        if only.as_ref().is_some_and(|o| !name.contains(o.as_str())) {
            continue;
        }
        run(name, shape);
    }
}

fn run(name: &str, shape: [usize; 3]) {
    let [b, c, n] = shape;
    let logits: Vec<f32> =
        (0..b * c * n).map(|i| ((i * 2654435761) >> 7 & 0xffff) as f32 / 8192.0 - 4.0).collect();
    let labels: Vec<u8> = (0..b * n).map(|i| ((i / 37) % c) as u8).collect();
    let mut gradient = vec![0f32; b * c * n];
    let (ce, dice, focal, tversky, gd, top) = (
        CrossEntropy::default(),
        Dice::default(),
        Focal::default(),
        Tversky::default(),
        GeneralizedDice::default(),
        TopK::default(),
    );
    let losses: Vec<(&str, usize, Vec<&dyn Form>)> = vec![
        ("CE", 1, vec![&ce]),
        ("focal", 1, vec![&focal]),
        ("Dice", 2, vec![&dice]),
        ("Dice+CE", 2, vec![&dice, &ce]),
        ("Tversky", 2, vec![&tversky]),
        ("GDice", 2, vec![&gd]),
        ("TopK", 2, vec![&top]),
    ];
    let batch = Batch::new(
        View::new(&logits, &shape).unwrap(),
        Activation::Softmax,
        View::new(&labels, &[b, n]).unwrap(),
    );
    let voxels = (b * n) as f64;
    for (loss, sweeps, forms) in losses {
        let terms: Vec<Term> = forms.iter().map(|form| Term::new(1.0, *form)).collect();
        let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
        let (mut ours, mut floor) = (vec![], vec![]);
        let rounds = if n < 10000 { 300 } else { 7 };
        for _ in 0..rounds {
            let start = Instant::now();
            let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
            black_box(differentiate(&batch, &terms, into, &mut scratch).unwrap());
            ours.push(start.elapsed().as_secs_f64());
            let start = Instant::now();
            black_box(labels.iter().map(|&x| x as u64).sum::<u64>());
            for _ in 0..sweeps - 1 {
                black_box(read(&logits));
            }
            copy(&logits, &mut gradient);
            black_box(&mut gradient);
            floor.push(start.elapsed().as_secs_f64());
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2] * 1e9 / voxels
        };
        let (ours, floor) = (median(&mut ours), median(&mut floor));
        println!("{name:12} {loss:10} {ours:8.2} ns/voxel  floor {floor:6.2}  ratio {:.2}", ours / floor);
    }
}

fn read(x: &[f32]) -> f32 {
    let mut sums = [0f32; 64];
    for block in x.as_chunks::<64>().0 {
        for i in 0..64 {
            sums[i] += block[i];
        }
    }
    sums.iter().sum()
}

fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from * 0.5;
    }
}
