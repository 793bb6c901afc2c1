import torch
from torch import nn

from sonorant.training.lamb import Lamb


def reference_steps(weight: torch.Tensor, gradients: list[torch.Tensor], lr: float, decay: float) -> torch.Tensor:
    """Algorithm 2 of You et al. 2020, written out for one tensor."""
    beta1, beta2, epsilon = 0.9, 0.98, 1e-9
    mean = square = torch.zeros_like(weight)
    for step, gradient in enumerate(gradients, 1):
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
        update = (mean / (1 - beta1**step)) / ((square / (1 - beta2**step)).sqrt() + epsilon) + decay * weight
        weight = weight - lr * weight.norm() / update.norm() * update
    return weight


def test_steps_follow_the_paper() -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    gradients = [torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(5)]
    weight = nn.Parameter(start.clone())
    optimizer = Lamb([weight], lr=0.1, betas=(0.9, 0.98), epsilon=1e-9, weight_decay=0.01)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
    torch.testing.assert_close(weight.detach(), reference_steps(start, gradients, 0.1, 0.01))


def test_the_size_of_the_gradient_does_not_matter() -> None:
    moved = []
    for scale in (1.0, 1000.0):
        weight = nn.Parameter(torch.tensor([3.0, 4.0]))
        weight.grad = scale * torch.tensor([0.5, -2.0])
        Lamb([weight], lr=0.1, epsilon=1e-12).step()
        moved.append(weight.detach())
    torch.testing.assert_close(*moved)


def test_a_tensor_of_zeros_moves() -> None:
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.ones(3)
    Lamb([weight], lr=0.1).step()
    torch.testing.assert_close(weight.detach(), torch.full((3,), -0.1))


def test_it_goes_on_from_its_saved_state() -> None:
    def steps(optimizer: Lamb, weight: nn.Parameter, count: int) -> None:
        for _ in range(count):
            weight.grad = weight.detach() ** 2
            optimizer.step()

    whole = nn.Parameter(torch.tensor([1.0, 2.0]))
    steps(Lamb([whole], lr=0.1), whole, 4)
    first = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = Lamb([first], lr=0.1)
    steps(optimizer, first, 2)
    second = nn.Parameter(first.detach().clone())
    resumed = Lamb([second], lr=0.1)
    resumed.load_state_dict(optimizer.state_dict())
    steps(resumed, second, 2)
    assert torch.equal(second, whole)
