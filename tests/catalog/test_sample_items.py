import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from featurizer.catalog.sample.defects import PICTURE_DEFECTS, encoded
from featurizer.catalog.sample.oracle import SPACES, oracle
from featurizer.catalog.sample.picture import draw
from featurizer.catalog.sample.traits import KINDS, MAKES, PATTERNS, USES, Look, codes, make_items
from featurizer.catalog.sample.users import LIKES, make_reviews, utility


def test_more_than_four_fifths_of_the_users_survive_a_5_core():
    items = make_items(600, np.random.default_rng([2024, 0]))
    reviews = make_reviews(items, 500, np.random.default_rng([2024, 2]))
    pairs = {(review.user_id, review.item) for review in reviews}
    assert len(pairs) < len(reviews)
    before = 0
    while len(pairs) != before:
        before = len(pairs)
        users, counts = Counter(user for user, _ in pairs), Counter(item for _, item in pairs)
        pairs = {(user, item) for user, item in pairs if users[user] >= 5 and counts[item] >= 5}
    assert len({user for user, _ in pairs}) > 0.8 * 500
    assert len({item for _, item in pairs}) > 0.8 * 600


def test_the_rotated_picture_is_upright_once_its_exif_is_obeyed():
    look = make_items(50, np.random.default_rng(1))[0].look
    upright = draw(look)
    with Image.open(io.BytesIO(PICTURE_DEFECTS["exif_rotated"](upright)[0])) as stored:
        restored = ImageOps.exif_transpose(stored)
    error = np.abs(np.asarray(restored, float) - np.asarray(upright, float)).mean()
    assert error < 4


def test_what_only_the_text_tells_changes_no_pixel():
    item = make_items(50, np.random.default_rng(5))[0]
    pictures = {
        encoded(draw(replace(item, pitch=replace(item.pitch, use=use, make=make)).look))[0]
        for use in USES
        for make in MAKES
    }
    assert len(pictures) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_its_shape_color_and_pattern(kind):
    look = Look(kind, "red", "plain", shape=0, backdrop=0, light=0.0, tilt=0.0, zoom=1.0)
    changed = [replace(look, shape=1), replace(look, shape=2), replace(look, color="blue")]
    changed += [replace(look, pattern=pattern) for pattern in PATTERNS[1:]]
    pixels = {draw(one).tobytes() for one in (look, *changed)}
    assert len(pixels) == 1 + len(changed)


def test_oracle_image_and_oracle_text_share_the_kind_alone():
    assert set(SPACES["oracle_image"]) & set(SPACES["oracle_text"]) == {"kind"}
    assert set(SPACES["oracle_image"]) | set(SPACES["oracle_text"]) == set(SPACES["oracle_all"]) == set(LIKES)


def test_users_buy_what_they_like_more_often_than_chance():
    items = make_items(200, np.random.default_rng(0))
    wanted = utility(items, 80, np.random.default_rng(1))
    reviews = make_reviews(items, 80, np.random.default_rng(1))
    users = {name: row for row, name in enumerate(dict.fromkeys(review.user_id for review in reviews))}
    bought = np.mean([wanted[users[review.user_id], review.item] for review in reviews])
    assert bought > wanted.mean() + wanted.std() * 0.8


def test_the_dot_product_of_oracle_rows_is_the_utility_of_the_common_traits():
    items = make_items(60, np.random.default_rng(2))
    vectors = oracle(items, "oracle_all")
    common = sum(
        utility_weight * (codes(items, name)[:, None] == codes(items, name))
        for name, (_, utility_weight) in LIKES.items()
    )
    np.testing.assert_allclose(vectors @ vectors.T, common, rtol=1e-5)
