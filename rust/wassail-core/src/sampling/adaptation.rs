//! Step sizes and the diagonal preconditioner from draws and gradients, both during warm-up only.

use super::transition::Info;
use super::warmup::Goal;

/// What finds the step size of a chain.
#[derive(Clone, Copy, Debug)]
pub struct StepTuner {
    rule: Rule,
    edges: Edges,
    first: f64,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Acceptance(DualAveraging),
    Energy(EnergyError),
}

impl StepTuner {
    /// Starts from a step size; steps below `floor` do not shrink because they leave the support.
    pub fn new(step: f64, goal: Goal, d: usize, floor: f64) -> Self {
        let rule = match goal {
            Goal::Acceptance(target) => Rule::Acceptance(DualAveraging::new(step, target)),
            Goal::Energy(target) => Rule::Energy(EnergyError::new(step, target * d as f64)),
        };
        let (corner, worth) = match goal {
            Goal::Acceptance(target) => (if target < CORNER { NEARLY } else { CORNER }, worth(target, d)),
            Goal::Energy(_) => (CORNER, 0.0),
        };
        Self { rule, first: step, edges: Edges { floor, corner, worth, steps: 0.0, outside: 0.0, lately: 0.0 } }
    }

    /// Takes in what a step did.
    pub fn update(&mut self, info: &Info) {
        self.edges.update(info.outside);
        if info.outside && self.step() <= self.edges.floor {
            return;
        }
        match &mut self.rule {
            Rule::Acceptance(tuner) if info.outside => tuner.update(self.edges.worth),
            Rule::Acceptance(tuner) => tuner.update(info.acceptance),
            Rule::Energy(tuner) if info.outside => tuner.change(if self.edges.cornered() { RETREAT } else { 1.0 }),
            Rule::Energy(tuner) => tuner.update(info.energy),
        }
    }

    /// Step to try next.
    pub fn step(&self) -> f64 {
        match &self.rule {
            Rule::Acceptance(tuner) => tuner.step(),
            Rule::Energy(tuner) => tuner.step,
        }
    }

    /// Step to keep: that from before where no step brings the chain out of its corner.
    pub fn mean(&self) -> f64 {
        match &self.rule {
            _ if self.edges.cornered() => self.first,
            Rule::Acceptance(tuner) => tuner.mean(),
            Rule::Energy(tuner) => tuner.step,
        }
    }

    /// What it met of the edges of the support.
    pub fn edges(&self) -> Edges {
        self.edges
    }
}

/// The acceptance that a step which left the support counts as. An edge tells less of a step than energies do: where nothing else
/// rejects, half of the steps may leave. Where most are to be rejected anyhow, edges are those of a random walk, whose efficiency
/// a (log a)² is best at an acceptance of e⁻² in many dimensions (Neal, Roberts and Yuen 2012, doi:10.1214/11-AAP817) and at about
/// 0.4 in one: for that target a goes from there to a quarter, which has 89 % of it.
fn worth(target: f64, d: usize) -> f64 {
    if target < CORNER { 0.5 * target * (1.0 - 1.0 / d as f64) } else { 2.0 * target - 1.0 }
}

/// How often a chain leaves the support.
#[derive(Clone, Copy, Debug)]
pub struct Edges {
    floor: f64,
    /// Share of steps that left lately above which the chain is in a corner.
    corner: f64,
    /// What such a step counts as.
    worth: f64,
    steps: f64,
    outside: f64,
    lately: f64,
}

/// Share of a new step in what happened lately.
const LATELY: f64 = 0.1;
/// Share of steps that leave from a corner: most of them, or nearly all where most are allowed to.
const CORNER: f64 = 0.5;
const NEARLY: f64 = 0.98;

impl Edges {
    fn update(&mut self, outside: bool) {
        let outside = f64::from(u8::from(outside));
        self.steps += 1.0;
        self.outside += outside;
        self.lately += LATELY * (outside - self.lately);
    }

    /// Whether the chain still leaves the support at most steps, however short they have become: as from a corner.
    pub fn cornered(&self) -> bool {
        self.lately > self.corner
    }

    /// Share of the steps that left.
    pub fn share(&self) -> f64 {
        self.outside / f64::max(self.steps, 1.0)
    }
}

/// The step of a given mean squared error of the energy, which grows like its sixth power (arXiv:2212.08549, section 4).
#[derive(Clone, Copy, Debug)]
pub struct EnergyError {
    target: f64,
    step: f64,
    most: f64,
    /// Divergences in a row.
    lost: i32,
    weight: f64,
    /// Weighted errors, as they would be with the step of now.
    sum: f64,
}

/// Steps that are remembered, and by how many powers of e an error may be off to count in full.
const REMEMBERED: f64 = 150.0;
const TRUSTED: f64 = 9.0;
/// What a divergence leaves of the largest step; each one in a row takes the square of what the last one took.
const RETREAT: f64 = 0.8;
const LOST: i32 = 10;

impl EnergyError {
    fn new(step: f64, target: f64) -> Self {
        Self { target, step, most: f64::INFINITY, lost: 0, weight: 0.0, sum: 0.0 }
    }

    fn update(&mut self, energy: f64) {
        let error = energy * energy / self.target + 1e-8;
        if !error.is_finite() {
            self.most = RETREAT * self.step;
            self.change(RETREAT.powi(1 << self.lost));
            self.lost = (self.lost + 1).min(LOST);
            return;
        }
        self.lost = 0;
        let weight = (-0.5 * (error.ln() / TRUSTED).powi(2)).exp();
        let keep = (REMEMBERED - 1.0) / (REMEMBERED + 1.0);
        self.weight = keep * self.weight + weight;
        self.sum = keep * self.sum + weight * error;
        let ratio = (self.sum / self.weight).powf(-1.0 / 6.0);
        self.change(ratio.min(self.most / self.step));
    }

    fn change(&mut self, ratio: f64) {
        let step = self.step * ratio;
        if (1e-300..1e300).contains(&step) {
            self.step = step;
            self.sum *= ratio.powi(6);
        }
    }
}

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

    /// What it has learned, to be written or read.
    pub fn numbers(&mut self) -> [&mut f64; 5] {
        [&mut self.anchor, &mut self.count, &mut self.error, &mut self.log_step, &mut self.log_mean]
    }
}

/// What is known of gradients besides their numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gradients {
    /// Whether steps left the support.
    pub edged: bool,
    /// Whether they went through a frame, which rounds each by the size of all.
    pub framed: bool,
}

/// Share of gradients that is rounding.
const ROUNDING: f64 = 1e-14;

/// Squared correlation with draws from which on gradients are those of a Gaussian.
const LINEAR: f64 = 0.99;
/// Most standard deviations that their mean is from zero then: far out on the slope to an edge they are linear, too.
const STEEP: f64 = 2.0;

/// Whether gradients are those of a Gaussian around where draws are, whose scale they tell also where draws have not seen it: by
/// variances of draws and gradients, their covariance, and the mean gradient.
pub fn is_gaussian([x, grad]: [f64; 2], cross: f64, mean: f64) -> bool {
    cross < 0.0 && cross * cross >= LINEAR * x * grad && mean * mean <= STEEP * STEEP * grad
}

/// Running sums of squared deviations of draws and gradients and of their products, coordinate by coordinate (Welford).
#[derive(Clone)]
pub struct Spread {
    count: f64,
    mean: [Vec<f64>; 2],
    square: [Vec<f64>; 2],
    cross: Vec<f64>,
}

impl Spread {
    /// Nothing yet.
    pub fn new(d: usize) -> Self {
        let zeros = || [vec![0.0; d], vec![0.0; d]];
        Self { count: 0.0, mean: zeros(), square: zeros(), cross: vec![0.0; d] }
    }

    /// Takes in a draw and its gradient.
    pub fn update(&mut self, x: &[f64], grad: &[f64]) {
        self.count += 1.0;
        for i in 0..x.len() {
            let off = [x[i] - self.mean[0][i], grad[i] - self.mean[1][i]];
            for (k, v) in [x[i], grad[i]].into_iter().enumerate() {
                self.mean[k][i] += off[k] / self.count;
                self.square[k][i] += off[k] * (v - self.mean[k][i]);
            }
            self.cross[i] += off[0] * (grad[i] - self.mean[1][i]);
        }
    }

    /// Takes in what another chain saw.
    pub fn merge(&mut self, other: &Self) {
        let total = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        for i in 0..self.cross.len() {
            let off = [0, 1].map(|k: usize| other.mean[k][i] - self.mean[k][i]);
            for k in 0..2 {
                self.mean[k][i] += off[k] * other.count / total;
                self.square[k][i] += other.square[k][i] + off[k] * off[k] * self.count * other.count / total;
            }
            self.cross[i] += other.cross[i] + off[0] * off[1] * self.count * other.count / total;
        }
        self.count = total;
    }

    /// Root mean square deviation of draws over a scale.
    pub fn deviation(&self, scale: &[f64]) -> f64 {
        let squares: f64 = self.square[0].iter().zip(scale).map(|(q, s)| q / self.count / (s * s)).sum();
        (squares / scale.len() as f64).sqrt()
    }

    /// s with s² = √(var x / var ∇log π): minimizes E|∇log π(x) + (x − m)/s²|² s², the Fisher divergence of a Gaussian fit in
    /// its own metric, and is exact after three draws of a diagonal Gaussian. Where gradients do not vary it is the deviation of
    /// x; coordinates without spread keep theirs.
    ///
    /// Integration by parts makes E[(x − m)(−∇log π)] one, and so var x · var ∇log π at least one, unless the density ends at an
    /// edge: where steps leave the support, s² is at most var x, but for coordinates with gradients of a Gaussian.
    pub fn scale(&self, scale: &mut [f64], gradients: Gradients) {
        let noise = if gradients.framed { ROUNDING * ROUNDING * self.force(scale) } else { 0.0 };
        for (i, s) in scale.iter_mut().enumerate() {
            let [x, grad] = [self.square[0][i] / self.count, self.square[1][i] / self.count];
            let constant = grad <= f64::max((ROUNDING * self.mean[1][i]).powi(2), noise / (*s * *s));
            let trusted = || is_gaussian([x, grad], self.cross[i] / self.count, self.mean[1][i]);
            let unknown = constant || gradients.edged && x * grad < 1.0 && !trusted();
            let ratio = if unknown { x.sqrt() } else { (x / grad).sqrt().sqrt() };
            if ratio.is_finite() && ratio > 0.0 && self.count > 2.0 {
                *s = ratio;
            }
        }
    }

    /// Mean square of gradients times scales.
    fn force(&self, scale: &[f64]) -> f64 {
        let of = |i: usize| (self.square[1][i] / self.count + self.mean[1][i].powi(2)) * scale[i] * scale[i];
        (0..scale.len()).map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws and gradients of one coordinate, seen by rows.
    fn scale_of(rows: &[[f64; 2]], before: f64, gradients: Gradients) -> f64 {
        let mut spread = Spread::new(1);
        rows.iter().for_each(|[x, grad]| spread.update(&[*x], &[*grad]));
        let mut scale = [before];
        spread.scale(&mut scale, gradients);
        scale[0]
    }

    const EDGED: Gradients = Gradients { edged: true, framed: false };
    const FRAMED: Gradients = Gradients { edged: false, framed: true };

    #[test]
    fn gradients_tell_a_scale_that_draws_have_not_seen_yet() {
        let rows = [[0.0, 0.0], [1.0, -0.01], [2.0, -0.02], [3.0, -0.03]];
        for gradients in [Gradients::default(), FRAMED, EDGED] {
            assert!((scale_of(&rows, 1.0, gradients) - 10.0).abs() < 1e-9);
        }
    }

    #[test]
    fn beside_an_edge_a_scale_is_at_most_the_deviation() {
        // As those of exp(−5x), a little bent, and those of a Gaussian far out.
        for rows in [
            [[0.0, -5.0], [1.0, -5.02], [2.0, -5.01], [3.0, -5.03]],
            [[0.0, -1.0], [1.0, -1.01], [2.0, -1.02], [3.0, -1.03]],
        ] {
            assert!((scale_of(&rows, 1.0, EDGED) - 1.25f64.sqrt()).abs() < 1e-12);
        }
        // Gradients that vary more than those of a Gaussian of this deviation do keep their say.
        let steep = [[0.0, -1.0], [1.0, -5.0], [2.0, -9.0], [3.0, -13.0]];
        assert!((scale_of(&steep, 1.0, EDGED) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn rounding_of_gradients_is_no_variance() {
        let rows = [[0.0, 1.0], [1.0, 1.0 + 2e-16], [2.0, 1.0 - 2e-16], [3.0, 1.0]];
        assert!((scale_of(&rows, 1.0, Gradients::default()) - 1.25f64.sqrt()).abs() < 1e-12);
        // Beside a coordinate with gradients of one, those of 1e-17 are rounding where a frame mixed them.
        let mut spread = Spread::new(2);
        [[0.0, 0.0], [1.0, 1e-17], [2.0, -1e-17], [3.0, 0.0]]
            .iter()
            .for_each(|[x, g]| spread.update(&[*x, *x], &[*g, -*x]));
        let mut scale = [1.0, 1.0];
        spread.scale(&mut scale, FRAMED);
        assert!((scale[0] - 1.25f64.sqrt()).abs() < 1e-12, "{}", scale[0]);
        spread.scale(&mut scale, Gradients::default());
        assert!(scale[0] > 1e6);
    }
}
