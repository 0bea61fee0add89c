"""Flatness, slices and curvature against closed forms and independent computations."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from tiny import random_network, save_checkpoint
from torch import nn

from qtdog import checkpoints, models
from qtdog.landscape import (
    LossMeter,
    ModelReference,
    curvature,
    directions,
    flatness,
    records,
    store,
    surfaces,
    survey,
    weight_point,
)
from qtdog.landscape import (
    flatness_verdicts as verdicts,
)
from qtdog.landscape.images import sample
from qtdog.landscape.measured_networks import point_of
from qtdog.landscape.records import ImageSample, Provenance, Reading
from qtdog.landscape.space import Block, WeightPoint, bind, ensemble_point, rounded_point
from qtdog.quantization import quantizers

MODEL = ModelReference("erm-seed0", "erm", 32, False, 0, "ab" * 32)
IMAGES = ImageSample("pacs", ("sketch",), "target", 20, 0, "as it comes", "cd" * 32)
MADE = Provenance("0" * 40, "a machine", "torch")
SIZE = 16


class Pair(nn.Module):
    """Two convolutions with a ReLU between them, and a head: small enough for a dense Hessian."""

    def __init__(self, activation=nn.ReLU):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=4)
        self.activation = activation()
        self.second = nn.Conv2d(4, 5, 3)
        self.head = nn.Linear(5, 3)

    def forward(self, images):
        return self.head(self.second(self.activation(self.first(images))).mean((2, 3)))


def pair(seed, activation=nn.ReLU):
    torch.manual_seed(seed)
    return Pair(activation).eval()


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (20, SIZE, SIZE, 3), np.uint8)
    return images, generator.integers(0, 3, 20)


def meter_of(point, data, temperature=None):
    return LossMeter(point, *data, models.IMAGENET_MEAN, models.IMAGENET_STD, temperature)


def own_loss(network, data):
    """Mean cross-entropy in one plain forward pass."""
    inputs = models.to_network_input(
        torch.from_numpy(data[0]), models.IMAGENET_MEAN, models.IMAGENET_STD
    )
    with torch.no_grad():
        logits = network(inputs)
    right = int((logits.argmax(1) == torch.from_numpy(data[1])).sum())
    return float(F.cross_entropy(logits, torch.from_numpy(data[1]))), right


def flat_survey(point, kind="filter", count=5, radii=(0.1, 0.3)):
    return flatness.flatness_survey(point, MODEL, "sketch", IMAGES, kind, 3, count, radii, MADE)


def curve_of(network, data, **settings):
    point = weight_point(network)
    with meter_of(point, data) as meter:
        return survey.run(flat_survey(point, **settings), meter)


class Quadratic:
    """L(w) = (w - m)^T A (w - m) / 2, measured in place of a network's loss."""

    def __init__(self, matrix):
        self.matrix = matrix

    def read(self, points):
        for make in points:
            vector = make().double()
            yield Reading(float(vector @ self.matrix @ vector) / 2, 0)


def test_flatness_of_a_quadratic_is_the_closed_form():
    # E over the sphere of d^T A d / 2 is radius^2 trace(A) / (2 n).
    generator = torch.Generator().manual_seed(1)
    root = torch.randn(40, 40, generator=generator, dtype=torch.float64)
    matrix = root @ root.T
    point = WeightPoint(nn.Linear(1, 1), (Block("w", (40,), 0),), torch.zeros(40))
    radii = (0.5, 1.0, 4.0)
    curve = survey.run(flat_survey(point, "whole", 400, radii), Quadratic(matrix))
    mean, error = flatness.mean_and_error(flatness.increases(curve))
    expected = np.array(radii) ** 2 * float(matrix.trace()) / 80
    assert (abs(mean - expected) < 3 * error).all()
    assert (error < 0.03 * expected).all()
    # Each direction by itself, exactly: from its own vector.
    rows = flatness.increases(curve)
    for index in (0, 7):
        noise = directions.gaussian(40, 3, index).double()
        unit = noise / noise.norm()
        assert rows[index, 1] == pytest.approx(float(unit @ matrix @ unit) / 2, rel=1e-5)


def test_a_reading_is_the_loss_and_the_count_of_a_plain_forward_pass(data):
    for network in (pair(0), random_network(1, None)):
        point = weight_point(network)
        with meter_of(point, data) as meter:
            (reading,) = meter.read([lambda point=point: point.vector])
        loss, right = own_loss(network, data)
        assert reading.loss == pytest.approx(loss, abs=2e-5)
        assert reading.correct == right


def test_points_are_read_in_order_whatever_thread_takes_them(data):
    point = weight_point(pair(0))
    scales = [0.0, 0.5, 1.0, 1.5, 2.0] * 4
    with meter_of(point, data) as meter:
        together = list(meter.read([lambda s=s: s * point.vector for s in scales]))
        alone = [next(meter.read([lambda s=s: s * point.vector])) for s in scales]
    assert together == alone
    assert len(set(together)) == 5


def test_a_quantized_network_is_measured_as_it_answers(data):
    network = random_network(1, 4)
    point = weight_point(network)
    with meter_of(point, data) as meter:
        (reading,) = meter.read([lambda: point.vector])
    assert reading.loss == pytest.approx(own_loss(network, data)[0], abs=2e-5)
    assert next(quantizers(network), None) is not None  # it keeps its quantizers


def scaled_pair(network, factor):
    """The same function: the first layer times `factor`, the second divided by it."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.first.weight.mul_(factor)
        other.first.bias.mul_(factor)
        other.second.weight.div_(factor)
    return other


def test_rescaling_a_relu_pair_changes_the_raw_flatness_alone(data):
    network = pair(2)
    other = scaled_pair(network, 10)
    assert own_loss(other, data)[0] == pytest.approx(own_loss(network, data)[0], abs=1e-6)
    for kind, same in (("filter", True), ("whole", False)):
        one, two = (
            flatness.increases(curve_of(each, data, kind=kind, count=8, radii=(0.2, 0.5)))
            for each in (network, other)
        )
        assert np.allclose(one, two, atol=2e-5) == same
    assert abs(one).max() > 1e-3


def test_folding_batch_norm_leaves_the_filter_normalised_result(data):
    torch.manual_seed(4)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    ).eval()
    nn.init.uniform_(network[1].weight, 0.01, 30)
    network[1].running_var.uniform_(0.1, 5)
    folded = weight_point(network)
    # By hand: the same noise on the weights before folding, scaled to their own filters.
    noise = directions.gaussian(len(folded.vector), 3, 0)
    block = next(block for block in folded.blocks if block.name == "0.weight")
    rows = noise[block.place].view(6, -1)
    weight = network[0].weight.detach()
    moved = copy.deepcopy(network)
    with torch.no_grad():
        factor = weight.view(6, -1).norm(dim=1, keepdim=True) / rows.norm(dim=1, keepdim=True)
        moved[0].weight += 0.5 * (rows * factor).view_as(weight)
        head = next(b for b in folded.blocks if b.name == "5.weight")
        rows = noise[head.place].view(3, -1)
        factor = network[5].weight.norm(dim=1, keepdim=True) / rows.norm(dim=1, keepdim=True)
        moved[5].weight += 0.5 * rows * factor
    curve = curve_of(network, data, count=1, radii=(0.5,))
    assert curve.readings[0][0].loss == pytest.approx(own_loss(moved, data)[0], abs=1e-5)
    assert abs(flatness.increases(curve)).max() > 1e-3


def test_filter_normalised_directions_have_the_filters_norms_and_leave_biases():
    point = weight_point(pair(0))
    made = directions.random_direction(point, "filter", 0, 5)
    for block in point.blocks:
        part = made[block.place].view(block.shape)
        own = point.vector[block.place].view(block.shape)
        if block.is_weight:
            assert torch.allclose(part.flatten(1).norm(dim=1), own.flatten(1).norm(dim=1))
        else:
            assert not part.any()
    assert float(directions.random_direction(point, "whole", 0, 5).norm()) == pytest.approx(
        1, abs=1e-6
    )


def surface(found, points, data):
    with meter_of(points[0], data) as meter:
        return survey.run(found, meter)


def test_the_plane_through_three_networks_meets_each_of_them_exactly(data):
    networks = [pair(seed) for seed in (0, 1, 2)]
    points = [weight_point(network) for network in networks]
    plane = surfaces.three_model_plane(points, [MODEL] * 3, "sketch", IMAGES, 5, MADE)
    for made, point in zip(plane.points, points, strict=False):
        assert torch.equal(made(), point.vector)  # bit for bit
    measured = surface(plane, points, data)
    for marker, point, network in zip(measured.markers, points, networks, strict=True):
        with meter_of(point, data) as meter:
            assert [marker.reading] == list(meter.read([lambda point=point: point.vector]))
        assert marker.reading.loss == pytest.approx(own_loss(network, data)[0], abs=2e-6)
    # Distances in the plane are those between the weights, and all markers are inside the grid.
    places = np.array([(marker.x, marker.y) for marker in measured.markers])
    for a, b in ((0, 1), (0, 2), (1, 2)):
        distance = float((points[a].vector - points[b].vector).norm())
        assert np.linalg.norm(places[a] - places[b]) == pytest.approx(distance, rel=1e-5)
    assert places[:, 0].min() > measured.x[0]
    assert places[:, 1].max() < measured.y[-1]


def test_a_grid_point_of_the_three_model_plane_is_where_it_says(data):
    points = [weight_point(pair(seed)) for seed in (0, 1, 2)]
    plane = surfaces.three_model_plane(points, [MODEL] * 3, "sketch", IMAGES, 4, MADE)
    first, second, third = (point.vector.double() for point in points)
    along = (second - first) / (second - first).norm()
    across = third - first - ((third - first) @ along) * along
    across /= across.norm()
    moved = plane.points[3 + 4 * 2 + 1]().double()  # row 2, column 1
    expected = first + plane.record.x[1] * along + plane.record.y[2] * across
    assert torch.allclose(moved, expected, atol=1e-5)


def test_three_networks_on_a_line_or_of_different_kinds_are_refused():
    points = [weight_point(pair(seed)) for seed in (0, 1)]
    middle = dataclasses.replace(points[0], vector=(points[0].vector + points[1].vector) / 2)
    make = surfaces.three_model_plane
    with pytest.raises(ValueError, match="on one line"):
        make([*points, middle], [MODEL] * 3, "sketch", IMAGES, 4, MADE)
    with pytest.raises(ValueError, match="the same"):
        make([points[0], points[0], middle], [MODEL] * 3, "sketch", IMAGES, 4, MADE)
    other = weight_point(nn.Sequential(nn.Conv2d(3, 3, 1)))
    with pytest.raises(ValueError, match="different architectures"):
        make([*points, other], [MODEL] * 3, "sketch", IMAGES, 4, MADE)


def test_an_interpolation_ends_at_its_networks(data):
    networks = [pair(seed) for seed in (0, 1)]
    points = [weight_point(network) for network in networks]
    line = surfaces.interpolation(points, [MODEL] * 2, "sketch", IMAGES, (0.0, 0.5, 1.0), MADE)
    measured = surface(line, points, data)
    (row,) = measured.readings
    assert row[0] == measured.markers[0].reading
    assert row[2] == measured.markers[1].reading
    half = copy.deepcopy(networks[0])
    with torch.no_grad():
        for mine, other in zip(half.parameters(), networks[1].parameters(), strict=True):
            mine.lerp_(other, 0.5)
    assert row[1].loss == pytest.approx(own_loss(half, data)[0], abs=1e-5)


@pytest.mark.parametrize(
    ("losses", "height", "place"),
    [((9.0, 1.0, 2.5, 2.0, 3.0, 9.0), 1.0, 0.25), ((9.0, 1.0, 1.2, 1.4, 3.0, 9.0), -0.3, 0.25)],
)
def test_a_wall_is_what_rises_above_the_line_between_the_ends(losses, height, place):
    """Ends: 1 and 3 nats, so that the line is at 1.5 a quarter of the way, at 2 in the middle."""
    ends = [
        records.Marker(MODEL, float(x), 0.0, records.Reading(loss, 1))
        for x, loss in ((0, 1.0), (1, 3.0))
    ]
    line = records.Surface(
        *("interpolation", "sketch", IMAGES, None, records.WEIGHTS),
        *((-0.5, 0.0, 0.25, 0.5, 1.0, 1.5), (0.0,), tuple(ends), MADE),
        (tuple(records.Reading(loss, 1) for loss in losses),),
    )
    found = verdicts.wall(line)
    assert (found.height, found.place) == (pytest.approx(height), place)


def test_a_random_plane_is_the_same_for_models_alike_and_has_the_network_in_its_middle(data):
    point = weight_point(pair(0))
    plane = surfaces.random_plane(point, MODEL, "sketch", IMAGES, 0, 0.5, 5, MADE)
    measured = surface(plane, [point], data)
    assert measured.readings[2][2] == measured.markers[0].reading
    along, across = (directions.random_direction(point, "filter", 0, index) for index in (0, 1))
    moved = point.vector + 0.25 * along - 0.5 * across
    with meter_of(point, data) as meter:
        (expected,) = meter.read([lambda: moved])
    assert measured.readings[0][3].loss == pytest.approx(expected.loss, abs=2e-6)


def test_of_an_ensemble_every_member_moves_its_own_way_and_the_logits_are_averaged(data):
    members = [pair(0), pair(1), pair(2)]
    point = ensemble_point(members)
    plane = surfaces.random_plane(point, MODEL, "sketch", IMAGES, 0, 0.5, 3, MADE)
    measured = surface(plane, [point], data)

    def moved(x, y):
        """The members one by one, each with its part of the two directions."""
        along, across = (directions.random_direction(point, "filter", 0, index) for index in (0, 1))
        change, start, found = x * along + y * across, 0, []
        for member in members:
            other, alone = copy.deepcopy(member), weight_point(member)
            own = change[start : start + len(alone.vector)]
            for block in alone.blocks:
                step = own[block.place].view(block.shape)
                other.get_parameter(block.name).data += step
            start += len(alone.vector)
            found.append(other)
        return found

    def loss(networks):
        return own_loss(lambda images: sum(one(images) for one in networks) / len(networks), data)

    assert measured.markers[0].reading.loss == pytest.approx(loss(members)[0], abs=2e-6)
    assert measured.readings[1][1] == measured.markers[0].reading
    for row, y in enumerate((-0.5, 0.0, 0.5)):
        for column, x in enumerate((-0.5, 0.0, 0.5)):
            expected, right = loss(moved(x, y))
            assert measured.readings[row][column].loss == pytest.approx(expected, abs=2e-6)
            assert measured.readings[row][column].correct == right
    half = point.vector[: len(point.vector) // 3]
    assert torch.equal(half, weight_point(members[0]).vector), "the members stay apart"


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.Tanh])
@pytest.mark.parametrize("scale", ["whole", "filter"])
def test_curvature_agrees_with_a_dense_hessian(data, activation, scale):
    network = pair(3, activation)
    point = weight_point(network)
    inputs = models.to_network_input(
        torch.from_numpy(data[0]), models.IMAGENET_MEAN, models.IMAGENET_STD
    )

    def loss(vector):
        weights = {block.name: vector[block.place].view(block.shape) for block in point.blocks}
        logits = torch.func.functional_call(network.double(), weights, (inputs.double(),))
        return F.cross_entropy(logits, torch.from_numpy(data[1]))

    dense = torch.autograd.functional.hessian(loss, point.vector.double())
    units = directions.filter_scale(point).double() if scale == "filter" else torch.ones(len(dense))
    dense = units[:, None] * dense * units
    product = curvature.hessian_product(
        weight_point(network.float()), *data, models.IMAGENET_MEAN, models.IMAGENET_STD, scale
    )
    probe = torch.randn(len(dense), generator=torch.Generator().manual_seed(9))
    assert torch.allclose(product(probe).double(), dense @ probe.double(), atol=1e-4)
    value, residual, steps = curvature.top_eigenvalue(product, len(dense), seed=0)
    expected = float(torch.linalg.eigvalsh(dense)[-1])
    assert value == pytest.approx(expected, rel=0.01)
    assert residual <= 1e-3 * value
    assert steps <= 40
    probes = np.array(curvature.trace_probes(product, len(dense), 0, 100))
    error = probes.std(ddof=1) / np.sqrt(100)
    assert abs(probes.mean() - float(dense.trace())) < 3 * error


def test_curvature_predicts_flatness_at_a_small_radius(data):
    # F(r) = r^2 trace(DHD) / 2 for filter-normalised directions, to second order.
    network = pair(3, nn.Tanh)
    point = weight_point(network)
    settings = (*data, models.IMAGENET_MEAN, models.IMAGENET_STD)
    product = curvature.hessian_product(point, *settings, "filter")
    trace = np.mean(curvature.trace_probes(product, len(point.vector), 0, 200))
    curve = curve_of(network, data, count=300, radii=(0.1,))
    mean, error = flatness.mean_and_error(flatness.increases(curve))
    assert abs(mean[0] - 0.1**2 * trace / 2) < 3 * error[0] + 0.05 * abs(mean[0])


@pytest.mark.parametrize(("quantizer", "bits"), [("lsq", 7), ("lsq", 3), ("inq", 4)])
def test_a_checkpoints_weights_are_rounded_to_its_own_levels(tmp_path, data, quantizer, bits):
    folder = save_checkpoint(tmp_path / "qt-dog", "qt-dog", 1, bits, quantizer)
    checkpoint = checkpoints.load(folder)
    (network,) = checkpoint.networks
    point, rounded = weight_point(network), rounded_point(network, checkpoint.grids)
    assert (point.perturbed, rounded.perturbed) == ("weights", "weights, rounded again")
    assert torch.equal(rounded.used(rounded.vector), point.vector), "at radius 0 the same network"
    noise = directions.random_direction(rounded, "filter", 0, 0)
    moved = rounded.vector + 0.1 * noise
    used = rounded.used(moved)
    tiny = rounded.used(rounded.vector + 1e-6 * noise)
    stored = load_file(folder / "model.safetensors")
    seen = 0
    for block in rounded.blocks:
        before, after = moved[block.place].numpy(), used[block.place].numpy()
        if f"{block.name}.codes" not in stored:
            assert np.array_equal(before, after)  # biases and the classifier have no levels
            continue
        seen += 1
        # The nearest of all levels, by brute force.
        count = 2 ** (bits - 1)
        levels = np.arange(-count, count)
        if quantizer == "inq":
            powers = 2.0 ** np.arange(count // 2)
            levels = np.concatenate([-powers[::-1], [0], powers])
        step = np.repeat(stored[f"{block.name}.step_size"], len(before) // block.shape[0])
        grid = levels[None] * step[:, None].astype(np.float64)
        distance = np.abs(grid - before[:, None])
        chosen = np.abs(after - before)
        assert np.all(chosen <= distance.min(1) + 1e-6 * np.abs(before) + 1e-12)
        assert np.abs(grid - after[:, None]).min() <= 1e-6
        assert torch.equal(tiny[block.place], point.vector[block.place])
    assert seen == len(checkpoint.grids) > 10
    assert not torch.equal(used, moved)


def test_full_precision_has_no_levels_to_round_to(tmp_path):
    checkpoint = checkpoints.load(save_checkpoint(tmp_path / "erm", "erm", 0))
    assert checkpoint.grids == {}
    with pytest.raises(ValueError, match="no levels to round to"):
        rounded_point(checkpoint.networks[0], checkpoint.grids)
    assert point_of(checkpoint, round_again=True).perturbed == "weights"


def test_writing_the_vector_sets_all_weights():
    point = weight_point(pair(0))
    other = pair(1)
    vector = bind(other, point.blocks)
    vector.copy_(point.vector)
    for mine, expected in zip(other.parameters(), pair(0).parameters(), strict=True):
        assert torch.equal(mine, expected)


def test_the_same_seed_gives_identical_files(data, tmp_path):
    files = []
    for root in (tmp_path / "one", tmp_path / "two"):
        curve = curve_of(pair(0), data)
        path = store.save(root, curve)
        files.append(path.read_bytes())
        assert records.load(path) == curve
    assert files[0] == files[1]
    assert store.path_of(tmp_path, curve).name == "flatness-filter-target-erm-seed0.json"


class Interrupted(Exception):
    pass


def test_smaller_logits_alone_look_flatter_and_not_at_a_temperature_that_follows_them(
    data, tmp_path
):
    loud, quiet = pair(0), pair(0)
    for parameter in quiet.head.parameters():
        parameter.data /= 2
    curves = []
    for network, temperature in ((loud, 1.0), (quiet, 0.5)):
        point = weight_point(network)
        with meter_of(point, data, temperature) as meter:
            curves.append(survey.run(flat_survey(point), meter))
    rises = [flatness.increases(curve) for curve in curves]
    assert (abs(rises[1]) < 0.75 * abs(rises[0])).all()
    tempered = [
        [[one.tempered for one in row] for row in (*curve.readings, (curve.centre,))]
        for curve in curves
    ]
    for one, other in zip(*tempered, strict=True):
        assert one == pytest.approx(other, abs=2e-6)
    assert tempered[0][-1] == pytest.approx([own_loss(loud, data)[0]], abs=2e-6)
    written = dataclasses.replace(curves[1], temperature=0.5)
    assert records.load(store.save(tmp_path, written)) == written


@pytest.mark.parametrize("temperature", [None, 1.7])
@pytest.mark.parametrize("cut", [b"0.12", b"0.12 3", b"0.12 3 0.2", b"\0\0\0", b"0.1\xff\n"])
def test_an_interrupted_survey_goes_on_to_the_identical_result(cut, temperature, data, tmp_path):
    point = weight_point(pair(0))
    found = flat_survey(point, count=4, radii=(0.1, 0.2, 0.3))
    journal = tmp_path / "readings.txt"

    def stop(done):
        if done == 5:
            raise Interrupted

    with meter_of(point, data, temperature) as meter:
        whole = survey.run(found, meter)
        with pytest.raises(Interrupted):
            survey.run(found, meter, journal, stop)
        assert len(journal.read_text().splitlines()) == 5
        written = journal.read_bytes() + cut  # a line that a kill or a loss of power cut off
        journal.write_bytes(written)
        seen = []
        with journal.open("rb") as before:
            resumed = survey.run(found, meter, journal, seen.append)
            assert before.read() == written  # at no moment were the five lost
    assert seen[0] == 5  # the five were not measured again
    assert records.to_json(resumed) == records.to_json(whole)
    assert len(whole.readings) == 4


def test_other_settings_are_another_survey():
    point = weight_point(pair(0))
    keys = {
        records.fingerprint(flat_survey(point).record),
        records.fingerprint(flat_survey(point, radii=(0.1, 0.4)).record),
        records.fingerprint(flat_survey(point, kind="whole").record),
        records.fingerprint(flat_survey(point, count=6).record),
    }
    assert len(keys) == 4


def test_surfaces_and_curvature_survive_a_file(data, tmp_path):
    points = [weight_point(pair(seed)) for seed in (0, 1, 2)]
    models_ = [dataclasses.replace(MODEL, name=f"m{seed}") for seed in (0, 1, 2)]
    plane = surface(
        surfaces.three_model_plane(points, models_, "sketch", IMAGES, 4, MADE), points, data
    )
    bent = records.Curvature(
        MODEL, "sketch", IMAGES, "filter", 12, 0, MADE, 1.5, 0.1, 7, (1.0, 2.5)
    )
    for record in (plane, bent):
        store.save(tmp_path, record)
    found, problems = store.load_all(tmp_path)
    assert found == [bent, plane]
    assert problems == []


def test_damaged_files_are_named_and_the_others_are_read(data, tmp_path):
    curve = curve_of(pair(0), data)
    path = store.save(tmp_path, curve)
    whole = json.loads(path.read_bytes())
    short = {**whole, "readings": whole["readings"][:-1]}
    path.with_name("short.json").write_text(json.dumps(short))
    path.with_name("cut.json").write_bytes(path.read_bytes()[:300])
    path.with_name("other.json").write_text('{"a": 1}')
    found, problems = store.load_all(tmp_path)
    assert found == [curve]
    assert [problem.split("/")[-1].split(" ")[0] for problem in problems] == [
        "cut.json",
        "other.json",
        "short.json",
    ]
    assert "5 rows of 2 readings" in problems[2]


def curve_with(rows, name="erm-seed0"):
    model = dataclasses.replace(MODEL, name=name)
    readings = tuple(tuple(Reading(1.0 + value, 5) for value in row) for row in rows)
    made = directions.RECIPES["filter"]
    recipe = records.Directions("filter", 0, len(rows), made)
    radii = tuple(0.1 * (place + 1) for place in range(len(rows[0])))
    return records.FlatnessCurve(
        model, "sketch", IMAGES, recipe, "weights", radii, MADE, Reading(1.0, 6), readings
    )


def test_the_verdict_follows_from_paired_differences():
    erm = curve_with([[0.2, 0.6], [0.3, 0.9], [0.1, 0.5]])
    flat = curve_with([[0.1, 0.5], [0.2, 0.8], [0.0, 0.38]])
    outcome = flatness.compare([erm], [flat])
    # Per direction: means over radii 0.4, 0.6, 0.3 against 0.3, 0.5, 0.19.
    assert outcome.difference == pytest.approx(-0.31 / 3)
    assert outcome.error == pytest.approx(np.std([-0.1, -0.1, -0.11], ddof=1) / np.sqrt(3))
    assert (outcome.verdict, outcome.agreeing) == ("flatter", 1)
    assert flatness.compare([flat], [erm]).verdict == "sharper"
    noisy = curve_with([[0.0, 0.2], [0.5, 1.2], [0.1, 0.4]])
    assert flatness.compare([erm], [noisy]).verdict == "undecided"
    # One of two networks says otherwise: not decided, however small the error.
    sharp = curve_with([[0.21, 0.61], [0.31, 0.91], [0.11, 0.51]])
    assert flatness.compare([erm], [flat, sharp]).verdict == "undecided"
    with pytest.raises(ValueError, match="other images"):
        flatness.compare([erm], [curve_with([[0.1, 0.2]])])


def test_partial_curves_hold_whole_directions_only(data):
    whole = curve_of(pair(0), data, count=3)
    readings = [whole.centre, *(reading for row in whole.readings for reading in row)]
    part = flatness.partial_curve(whole, readings[:6])
    assert part.readings == whole.readings[:2]
    assert part.directions.count == 2


def test_images_are_chosen_by_name_and_seed_alone():
    from qtdog.data import Domain, DomainDataset

    def domain(name, count):
        images = np.zeros((count, 4, 4, 3), np.uint8)
        images += np.arange(count, dtype=np.uint8)[:, None, None, None]
        names = tuple(f"a/{place:03}.png" for place in range(count))
        return Domain(name, images, np.zeros(count, np.int64), names)

    dataset = DomainDataset("d", ("a", "b"), tuple(domain(n, 40) for n in ("x", "y", "z")))
    images, record = sample(dataset, "z", "source", 11, 0)
    assert [name.split("/")[0] for name in images.names] == ["x"] * 6 + ["y"] * 5
    assert record.domains == ("x", "y")
    backwards = [d.subset(np.arange(len(d))[::-1]) for d in dataset.domains]
    again, _ = sample(dataclasses.replace(dataset, domains=tuple(backwards)), "z", "source", 11, 0)
    assert set(again.names) == set(images.names)
    assert sample(dataset, "z", "source", 11, 1)[1].sha256 != record.sha256
    with pytest.raises(ValueError, match="z has 40 images, but 41"):
        sample(dataset, "z", "target", 41, 0)


def of_method(curve, method, bits, averaged=False):
    model = dataclasses.replace(curve.model, method=method, bits=bits, averaged=averaged)
    return dataclasses.replace(curve, model=model)


def test_a_verdict_is_over_networks_of_one_kind():
    high, low = curve_with([[0.2, 0.6], [0.3, 0.9]]), curve_with([[0.1, 0.5], [0.2, 0.8]])
    curves = [
        of_method(high, "erm", 32),
        of_method(low, "erm", 32, averaged=True),
        of_method(low, "qt-dog", 7),
        of_method(low, "qt-dog", 7),
        of_method(high, "qt-dog", 4),
        of_method(high, "qt-dog", 7, averaged=True),
    ]
    outcome = verdicts.against_full_precision(curves)
    assert (outcome.first_networks, outcome.networks) == (1, 2)
    assert outcome.difference == pytest.approx(-0.1)
    (one,) = verdicts.verdicts(curves)
    assert (one.target_domain, one.split, one.distance) == ("sketch", "target", "filter")
    assert one.averaged == pytest.approx(0.4)
    assert verdicts.verdicts(curves[:2]) == []
    assert (one.single, one.of_averaged) == (pytest.approx(0.5), False)
    means = [one for one in curves if one.model.averaged or one.model.method == "erm"]
    (one,) = verdicts.verdicts(means)  # QT-DoG has averaged weights alone: so has its rival
    assert one.of_averaged
    assert one.outcome.first == pytest.approx(0.4)
    assert one.outcome.other == pytest.approx(0.5)
    elsewhere = dataclasses.replace(IMAGES, sha256="ef" * 32)
    mixed = [*curves[:3], dataclasses.replace(curves[3], images=elsewhere)]
    assert verdicts.verdicts(mixed) == [], "measured on other images"
    rounded = [dataclasses.replace(one, perturbed=records.ROUNDED) for one in curves]
    assert verdicts.verdicts(rounded) == []
