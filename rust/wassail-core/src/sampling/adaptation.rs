//! Step sizes by dual averaging and the diagonal preconditioner from draws and gradients, both during warm-up only.

/// Dual averaging of log h towards a mean acceptance (Hoffman and Gelman 2014, eq. (6), with their constants).
#[derive(Clone, Copy, Debug)]
pub struct DualAveraging {
    target: f64,
    anchor: f64,
    count: f64,
    error: f64,
    log_step: f64,
    log_mean: f64,
}

const GAMMA: f64 = 0.05;
const T0: f64 = 10.0;
const KAPPA: f64 = 0.75;

impl DualAveraging {
    /// Starts from a step size.
    pub fn new(step: f64, target: f64) -> Self {
        let log_step = step.ln();
        Self { target, anchor: log_step + 10f64.ln(), count: 0.0, error: 0.0, log_step, log_mean: log_step }
    }

    /// Takes in the acceptance of a step.
    pub fn update(&mut self, acceptance: f64) {
        self.count += 1.0;
        let rate = 1.0 / (self.count + T0);
        self.error += rate * (self.target - acceptance - self.error);
        self.log_step = self.anchor - self.count.sqrt() / GAMMA * self.error;
        let weight = self.count.powf(-KAPPA);
        self.log_mean += weight * (self.log_step - self.log_mean);
    }

    /// Step to try next.
    pub fn step(&self) -> f64 {
        self.log_step.clamp(-300.0, 300.0).exp()
    }

    /// Step to keep.
    pub fn mean(&self) -> f64 {
        self.log_mean.clamp(-300.0, 300.0).exp()
    }
}

/// Running sums of squared deviations of draws and gradients, coordinate by coordinate (Welford).
#[derive(Clone)]
pub struct Spread {
    count: f64,
    mean: [Vec<f64>; 2],
    square: [Vec<f64>; 2],
}

impl Spread {
    /// Nothing yet.
    pub fn new(d: usize) -> Self {
        let zeros = || [vec![0.0; d], vec![0.0; d]];
        Self { count: 0.0, mean: zeros(), square: zeros() }
    }

    /// Takes in a draw and its gradient.
    pub fn update(&mut self, x: &[f64], grad: &[f64]) {
        self.count += 1.0;
        for (values, (mean, square)) in [x, grad].iter().zip(self.mean.iter_mut().zip(&mut self.square)) {
            for ((v, m), s) in values.iter().zip(mean).zip(square) {
                let off = v - *m;
                *m += off / self.count;
                *s += off * (v - *m);
            }
        }
    }

    /// Takes in what another chain saw.
    pub fn merge(&mut self, other: &Self) {
        let total = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        for k in 0..2 {
            for i in 0..self.mean[k].len() {
                let off = other.mean[k][i] - self.mean[k][i];
                self.mean[k][i] += off * other.count / total;
                self.square[k][i] += other.square[k][i] + off * off * self.count * other.count / total;
            }
        }
        self.count = total;
    }

    /// s with s² = √(var x / var ∇log π): minimizes E|∇log π(x) + (x − m)/s²|² s², the Fisher divergence of a Gaussian fit in
    /// its own metric, and is exact after three draws of a diagonal Gaussian. Without gradients it is the deviation of x;
    /// coordinates without spread keep theirs.
    pub fn scale(&self, scale: &mut [f64]) {
        for (i, s) in scale.iter_mut().enumerate() {
            let [x, grad] = [self.square[0][i] / self.count, self.square[1][i] / self.count];
            let ratio = if grad > 0.0 { (x / grad).sqrt().sqrt() } else { x.sqrt() };
            if ratio.is_finite() && ratio > 0.0 && self.count > 2.0 {
                *s = ratio;
            }
        }
    }
}
