//! Masks of the tests.

/// A small random number generator, so that every run tests the same masks.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn chance(&mut self, probability: f64) -> bool {
        (self.next() as f64) < probability * (1u64 << 53) as f64
    }
}

/// Returns the coordinates of voxel `index`.
pub fn coordinates(shape: &[usize], mut index: usize) -> Vec<f64> {
    let mut coordinates = vec![0.0; shape.len()];
    for (at, &extent) in coordinates.iter_mut().zip(shape).rev() {
        *at = (index % extent) as f64;
        index /= extent;
    }
    coordinates
}

/// Masks with boundaries everywhere, nowhere, far away, near, and at the edge of the image.
pub fn masks(shape: &[usize], random: &mut Random) -> Vec<(&'static str, Vec<bool>)> {
    let n: usize = shape.iter().product();
    let mut noise = |p: f64| (0..n).map(|_| random.chance(p)).collect::<Vec<_>>();
    let mut list = vec![
        ("half", noise(0.5)),
        ("sparse", noise(0.01)),
        ("dense", noise(0.99)),
        ("rare", noise(2.0 / n as f64)),
        ("empty", vec![false; n]),
        ("full", vec![true; n]),
    ];
    let mut one = |name, inside: bool, at: usize| {
        let mut voxels = vec![!inside; n];
        voxels[at] = inside;
        list.push((name, voxels));
    };
    one("one", true, random.below(n));
    one("all but one", false, random.below(n));
    one("first", true, 0);
    one("last", true, n - 1);
    let voxels: Vec<_> = (0..n).map(|index| coordinates(shape, index)).collect();
    list.push(("checkerboard", voxels.iter().map(|p| p.iter().sum::<f64>() % 2.0 == 0.0).collect()));
    let ball = |p: &Vec<f64>| {
        let radius = |(x, &n): (&f64, &usize)| ((x - n as f64 * 0.45) / (n as f64 * 0.3)).powi(2);
        p.iter().zip(shape).map(radius).sum::<f64>() < 1.0
    };
    list.push(("ball", voxels.iter().map(ball).collect()));
    list.push(("half space", voxels.iter().map(|p| p[0] < shape[0] as f64 / 2.0).collect()));
    list
}
