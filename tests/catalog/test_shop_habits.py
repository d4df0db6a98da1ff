"""What shops do beside tables of a row an item: rows of variants, signs for nothing, names of files without folders."""

import logging

import polars as pl
import pytest
from PIL import Image

import featurizer as fz
from featurizer.catalog.categories import as_categories
from featurizer.catalog.columns import as_images
from featurizer.catalog.near_misses import holds_pictures, picture_candidates
from featurizer.catalog.table import TableSource
from featurizer.errors import InputError, UnknownName
from tests.catalog.exports import workbook

VARIANTS = (
    "Handle,Title,Type,Option1 Value,Variant SKU,Image Src\n"
    "mug,Enamel mug,Mugs,S,M-1,mug-1.png\n"
    "mug,,,M,M-2,mug-2.png\n"
    "mug,,,L,M-3,\n"
    "lamp,Lamp,Lamps,,L-1,\n"
    "lamp,,,,,lamp.png\n"
)


def pictures(folder, *names):
    for name in names:
        Image.new("RGB", (9, 9), "red").save(folder / name)


def ingested(tmp_path, text, **options):
    (tmp_path / "t.csv").write_text(text)
    return fz.ingest(tmp_path / "t.csv", out=tmp_path / "c", **options)


def column(catalog, name):
    return dict(zip(catalog.column("item_id").to_pylist(), catalog.column(name).to_pylist(), strict=True))


def test_rows_of_one_handle_are_one_item_with_the_first_cells_that_hold_something(tmp_path, caplog):
    caplog.set_level(logging.INFO, "featurizer")
    pictures(tmp_path, "mug-1.png", "mug-2.png", "lamp.png")
    made = ingested(tmp_path, VARIANTS)
    assert column(made, "title") == {"mug": "Enamel mug", "lamp": "Lamp"}
    assert column(made, "categories") == {"mug": ["Mugs"], "lamp": ["Lamps"]}
    assert column(made, "Option1 Value") == {"mug": "S", "lamp": None}
    assert column(made, "image_url") == {"mug": "mug-1.png", "lamp": "lamp.png"}
    assert made.manifest.notes["merged_rows"] == 3
    assert "rows of one Handle are one item, with the pictures of all" in caplog.text


def test_an_item_has_the_pictures_of_all_its_rows(tmp_path):
    (tmp_path / "t.csv").write_text(VARIANTS)
    source = fz.operations.ingest.Ingest(path=(str(tmp_path / "t.csv"),), out=tmp_path / "c")._items
    assert isinstance(source, TableSource)
    assert [[ref.path.name for ref in item.images] for item in source] == [
        ["mug-1.png", "mug-2.png"],
        ["lamp.png"],
    ]


def test_rows_that_lie_apart_are_merged_where_that_is_asked(tmp_path):
    made = ingested(tmp_path, "id,title,brand\na,,K\nb,Pot,\na,Cup,L\n", on_duplicate="merge")
    assert column(made, "title") == {"a": "Cup", "b": "Pot"}
    assert column(made, "brand") == {"a": "K", "b": None}


@pytest.mark.parametrize(("which", "sku"), [("first", "M-1"), ("last", "M-3")])
def test_one_row_of_a_handle_is_taken_where_that_is_asked(tmp_path, which, sku):
    made = ingested(tmp_path, VARIANTS, on_duplicate=which)
    assert column(made, "Variant SKU")["mug"] == sku
    assert made.manifest.notes["repeated_items"] == 3


@pytest.mark.parametrize(
    "cell", ["-", "--", "–", "N/A", "n/a", "#N/A", "null", "None", "nan", " - ", "", None]
)
def test_a_sign_for_no_picture_is_none(cell, tmp_path):
    assert as_images(cell, tmp_path) == []


@pytest.mark.parametrize(
    ("cell", "categories"),
    [
        ("Home>Kitchen>Mugs", ("Home", "Kitchen", "Mugs")),
        ("Home > Kitchen", ("Home", "Kitchen")),
        ("Home &gt; Kitchen", ("Home", "Kitchen")),
        ("<b>Home</b> > Kitchen", ("<b>Home</b>", "Kitchen")),
        ("Home|Kitchen", ("Home", "Kitchen")),
        ("Salt & Pepper", ("Salt & Pepper",)),
        ("Kitchen > Mugs|Sale", ("Kitchen", "Mugs", "Sale")),
        ("Kitchen > Mugs, Sale > Spring", ("Kitchen", "Mugs", "Sale", "Spring")),
        ("Kitchen > Mugs, Kitchen > Cups, Gifts", ("Kitchen", "Mugs", "Cups", "Gifts")),
        ("Food, Beverages & Tobacco > Food Items", ("Food, Beverages & Tobacco", "Food Items")),
        (
            "Toys > Dolls, Playsets & Toy Figures > Dolls",
            ("Toys", "Dolls, Playsets & Toy Figures", "Dolls"),
        ),
        ("Home > Tables\\, Chairs", ("Home", "Tables, Chairs")),
        ("Home, Lamps", ("Home, Lamps",)),
    ],
)
def test_categories_are_divided_at_their_signs(cell, categories):
    assert as_categories(cell) == categories


@pytest.mark.parametrize(
    ("cells", "categories"),
    [
        (["Kitchen > Mugs, Sale > Spring", "Home, Lamps"], ["Home", "Lamps"]),
        (["Kitchen &gt; Mugs, Sale &gt; Spring", "Home, Lamps"], ["Home", "Lamps"]),
        (["Tables\\, Chairs", "Home, Lamps"], ["Home", "Lamps"]),
        (["Home", "Home, Lamps"], ["Home, Lamps"]),
        (["Toys > Dolls, Playsets & Toy Figures > Dolls", "Home, Lamps"], ["Home, Lamps"]),
    ],
)
def test_commas_divide_the_categories_of_a_column_that_lists_paths(tmp_path, cells, categories):
    lines = [f'{number},Mug,"{cell}"' for number, cell in enumerate(cells)]
    made = ingested(tmp_path, "\n".join(["ID,Name,Categories", *lines, ""]))
    assert made.column("categories").to_pylist()[-1] == categories


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("a.jpg|n/a", ["a.jpg"]),
        ("n/a|-", []),
        ("a.jpg, none", ["a.jpg"]),
        ("None; a.jpg; NULL; b.jpg", ["a.jpg", "b.jpg"]),
        ("http://x.org/a.jpg, n/a", ["http://x.org/a.jpg"]),
        ("null,http://x.org/a.jpg,-,http://x.org/b.jpg", ["http://x.org/a.jpg", "http://x.org/b.jpg"]),
        ('["n/a", "a.jpg", "-"]', ["a.jpg"]),
        ("http://x.org/fit,-,top/a.jpg", ["http://x.org/fit,-,top/a.jpg"]),
        ("mug, none left.jpg", ["mug, none left.jpg"]),
    ],
)
def test_a_sign_for_no_picture_in_a_list_is_none(cell, names, tmp_path):
    found = as_images(cell, tmp_path)
    assert [ref.url or ref.path.relative_to(tmp_path).as_posix() for ref in found] == names


def test_brands_are_a_brand(tmp_path):
    assert ingested(tmp_path, "ID,Name,Brands\n1,Mug,Kettleby\n").manifest.mapping["brand"] == "Brands"


PRODUCTS = (("Artikelnr", "Titel", "EAN"), (1, "Tasse", 4006381333931), (2, "Topf", 4006381333948))
COVER = (("Artikelliste", None), ("Stand", "1. Mai"), ("Kontakt", "Max"), ("Seiten", "2"))


def workbook_of(tmp_path, **sheets):
    (tmp_path / "t.xlsx").write_bytes(workbook(sheets))
    return tmp_path / "t.xlsx"


@pytest.mark.parametrize("cover", [COVER, (("Artikelliste",), ("Stand 1. Mai",)), ((1, 2), (3, 4))])
def test_a_cover_before_the_products_is_passed_over(tmp_path, cover, caplog):
    caplog.set_level(logging.INFO, "featurizer")
    made = fz.ingest(workbook_of(tmp_path, Deckblatt=cover, Artikel=PRODUCTS), out=tmp_path / "c")
    assert column(made, "title") == {"1": "Tasse", "2": "Topf"}
    assert column(made, "EAN") == {"1": "4006381333931", "2": "4006381333948"}
    assert "sheet 'Artikel' is read, not 'Deckblatt' (--sheet names another)" in caplog.text


@pytest.mark.parametrize(("rows", "taken"), [(31, "Artikel"), (32, "Liste")])
def test_two_columns_of_more_than_thirty_rows_are_no_cover(tmp_path, rows, taken):
    first = (("sku", "name"), *((f"x{n}", f"Regal {n}") for n in range(1, rows)))
    made = fz.ingest(workbook_of(tmp_path, Liste=first, Artikel=PRODUCTS), out=tmp_path / "c")
    assert made.rows == {"Liste": rows - 1, "Artikel": 2}[taken]


def test_a_table_with_sizes_for_names_is_taken_before_another_and_one_with_a_name_twice_is_told(tmp_path):
    head, rest = ("sku", "name", 36, 37), (("farbe", "code", "hex"), ("rot", 1, "f00"))
    path = workbook_of(tmp_path, Artikel=(head, ("x", "Schuh", 4, 0)), Farben=rest)
    assert column(fz.ingest(path, out=tmp_path / "c"), "title") == {"x": "Schuh"}
    path = workbook_of(tmp_path, Artikel=(("sku", "name", "name"), ("x", "Schuh", "rot")), Farben=rest)
    with pytest.raises(InputError, match="columns named twice: name"):
        fz.ingest(path, out=tmp_path / "d")


@pytest.mark.parametrize("sheet", ["Lager", "lager", "2"])
def test_a_sheet_is_named_by_its_name_or_its_number(tmp_path, sheet):
    path = workbook_of(tmp_path, Artikel=PRODUCTS, Lager=(("sku", "name"), ("x", "Regal")))
    assert column(fz.ingest(path, out=tmp_path / "first"), "title") == {"1": "Tasse", "2": "Topf"}
    assert column(fz.ingest(path, sheet=sheet, out=tmp_path / "c"), "title") == {"x": "Regal"}


def test_a_sheet_that_is_not_there_is_told_those_that_are(tmp_path):
    path = workbook_of(tmp_path, Artikel=PRODUCTS, Leer=())
    for sheet in ("Artikle", "3", "0"):
        with pytest.raises(UnknownName, match=r"sheet of .*Artikel.*1 to 2"):
            fz.ingest(path, sheet=sheet, out=tmp_path / "c")
    with pytest.raises(InputError, match="the sheet 'Leer' is empty; expected a header"):
        fz.ingest(path, sheet="Leer", out=tmp_path / "c")
    with pytest.raises(InputError, match="is no spreadsheet, and the sheet '2' is asked of it"):
        ingested(tmp_path, "id,title\n1,Cup\n", sheet="2")


def test_names_of_files_without_their_folder_are_said_before_anything_is_made(tmp_path, caplog):
    text = "id,image\n1,a.png\n2,b.png\n"
    (tmp_path / "pictures").mkdir()
    pictures(tmp_path / "pictures", "a.png", "b.png")
    ingested(tmp_path, text)
    said = f"image holds names of files such as a.png, and none of those looked for lies in {tmp_path}"
    assert said in caplog.text
    caplog.clear()
    made = ingested(tmp_path, text, images=tmp_path / "pictures", overwrite=True)
    assert set(column(made, "image_status").values()) == {"ok"}
    pictures(tmp_path, "b.png")
    ingested(tmp_path, text, overwrite=True)
    assert "names of files" not in caplog.text


@pytest.mark.parametrize("cell", ["/srv/shop/pics/a.png", "pics/a.png", r"C:\\shop\\pics\\a.png"])
def test_paths_that_lead_nowhere_are_told_as_they_were_given(tmp_path, cell, caplog):
    text = f"id,image_url\n1,{cell}\n"
    ingested(tmp_path, text, max_failures=1)
    assert (
        f"image_url holds names of files such as {cell}, and none of those looked for lies in" in caplog.text
    )
    caplog.clear()
    (tmp_path / "pics").mkdir()
    pictures(tmp_path / "pics", "a.png")
    (tmp_path / "t.csv").write_text(text.replace("/srv/shop/", f"{tmp_path}/"))
    made = fz.ingest(tmp_path / "t.csv", images=tmp_path, out=tmp_path / "d")
    assert column(made, "image_status") == {"1": "ok"}
    assert "names of files" not in caplog.text


@pytest.mark.parametrize("cell", ["/m/b/mug.png", "/pub/media/catalog/product/m/b/mug.png"])
def test_of_an_absolute_path_as_much_is_taken_as_lies_below_the_folder(tmp_path, cell):
    (tmp_path / "product" / "m" / "b").mkdir(parents=True)
    pictures(tmp_path / "product" / "m" / "b", "mug.png")
    made = ingested(tmp_path, f"sku,name,base_image\n1,Mug,{cell}\n", images=tmp_path / "product")
    assert column(made, "image_status") == {"1": "ok"}
    assert column(made, "image_url") == {"1": "m/b/mug.png"}


def test_an_absolute_path_is_stored_below_its_folder_however_that_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    pictures(tmp_path / "pics", "a.png")
    (tmp_path / "t.csv").write_text(f"id,image\n1,{tmp_path}/pics/a.png\n")
    assert column(fz.ingest("t.csv", out="c"), "image_url") == {"1": "pics/a.png"}


def test_no_column_is_read_where_none_is_asked_for(tmp_path, caplog):
    caplog.set_level(logging.INFO, "featurizer")
    text = "id,title,brand,image\n1,Cup,K,http://127.0.0.1:9/a.png\n"
    made = ingested(tmp_path, text, image_column="@none", brand_column="@none")
    assert column(made, "image_status") == {"1": "none"}
    assert column(made, "source_image") == {"1": "http://127.0.0.1:9/a.png"}
    assert column(made, "text") == {"1": "Cup"}
    assert (
        "brand ← none, categories ← none, description ← none, picture ← none; unused: brand, image"
        in caplog.text
    )
    assert "full of addresses" not in caplog.text
    with pytest.raises(InputError, match="@none"):
        ingested(tmp_path, text, item_id_column="@none", overwrite=True)


@pytest.mark.parametrize(("addresses", "texts", "taken"), [(5, 0, True), (4, 1, True), (3, 1, False)])
def test_a_column_is_one_of_pictures_where_four_fifths_of_its_texts_name_one(addresses, texts, taken):
    cells = ["https://shop.example/1.jpg"] * addresses + ["see below"] * texts + [None, " "]
    rows = [{"photo": cell, "link": f"https://shop.example/item/{n}"} for n, cell in enumerate(cells)]
    assert holds_pictures(rows, "photo") == taken
    assert picture_candidates(rows, ["link", "photo"]) == (["photo", "link"] if taken else ["link"])
    assert not holds_pictures([*rows, {"photo": 3}], "photo")


def test_the_columns_of_interactions_are_known_by_what_shops_call_them(tmp_path):
    for number, head in enumerate(
        ("Kunde Nr.;Art Nr", "Käufer;Produkt", "E-Mail;Artikelnummer", "Buyer ID;Item No.")
    ):
        (tmp_path / "i.csv").write_text(f"{head}\nann;1\nbob;2\n")
        (tmp_path / "t.csv").write_text("id,title\n1,Cup\n2,Pot\n")
        made = fz.ingest(tmp_path / "t.csv", interactions=tmp_path / "i.csv", out=tmp_path / f"c{number}")
        pairs = pl.read_parquet(made.folder / "interactions.parquet")
        assert sorted(pairs.select("user_id", "item_id").rows()) == [("ann", "1"), ("bob", "2")], head


@pytest.mark.parametrize("head", ["Anzahl", "Menge", "Qty", "Lineitem quantity", "Cantidad", "数量"])
def test_how_many_were_bought_is_known_by_what_shops_call_it(tmp_path, head):
    (tmp_path / "i.csv").write_text(f"user,item,{head}\nann,1,2\nbob,2,1\n")
    made = ingested(tmp_path, "id,title\n1,Cup\n2,Pot\n", interactions=tmp_path / "i.csv")
    assert pl.read_parquet(made.folder / "interactions.parquet")["rating"].to_list() == [2.0, 1.0]


def test_interactions_without_times_are_told_where_times_are_and_what_to_do(tmp_path, caplog):
    (tmp_path / "i.csv").write_text(
        "user,item,Wann,Lieferung,n\nann,1,01.02.2024,ja,1\nbob,2,02.02.2024,nein,2\n"
    )
    items, options = "id,title\n1,Cup\n2,Pot\n", {"interactions": tmp_path / "i.csv", "split": "global-time"}
    with pytest.raises(InputError, match=r"2 of 2 interactions have no timestamp.*--time-column.*random"):
        ingested(tmp_path, items, **options)
    assert (
        "i.csv: no column is read as times, and Wann is full of them: name one with --time-column 'Wann'"
        in (caplog.text)
    )
    assert ingested(tmp_path, items, **options, time_column="Wann").manifest.interactions.interactions == 2
    (tmp_path / "i.csv").write_text("user,item,Wann\nann,1,01.02.2024\nbob,2,\n")
    with pytest.raises(
        InputError, match=r"1 of 2 interactions have no timestamp.*leave these rows out, or split"
    ):
        ingested(tmp_path, items, **options, time_column="Wann", overwrite=True)


def test_an_update_from_half_a_file_is_refused_and_changes_nothing(tmp_path):
    whole = "id,title\n" + "".join(f"{n},Cup {n}\n" for n in range(60))
    before = ingested(tmp_path, whole).manifest.data_sha256
    half = "id,title\n" + "".join(f"{n},Cup {n}\n" for n in range(30))
    with pytest.raises(
        InputError, match=r"30 of the 60 items of .* are not in the source any more.*--max-gone 1"
    ):
        ingested(tmp_path, half, update=True)
    assert fz.Catalog.open(tmp_path / "c").manifest.data_sha256 == before
    assert ingested(tmp_path, half, update=True, gone="keep").rows == 60
    assert ingested(tmp_path, half, update=True, max_gone=0.6).rows == 30
    few = "id,title\n" + "".join(f"{n},Cup {n}\n" for n in range(20))
    assert ingested(tmp_path, few, update=True).rows == 20


def test_a_column_is_found_whose_name_differs_in_case_blanks_and_signs_alone(tmp_path):
    text = "Item-Key,Name,Pic 1\n1,Cup,\n"
    made = ingested(tmp_path, text, item_id_column="item_key", title_column="NAME", image_column="pic1")
    assert made.manifest.mapping == {"item_id": "Item-Key", "title": "Name", "image": "Pic 1"}
    (tmp_path / "i.csv").write_text("Who,Item\nann,1\nbob,1\n")
    made = ingested(
        tmp_path,
        text,
        item_id_column="item_key",
        interactions=tmp_path / "i.csv",
        user_column="who",
        overwrite=True,
    )
    assert made.manifest.interactions.users == 2
    with pytest.raises(UnknownName, match="did you mean Item-Key"):
        ingested(tmp_path, text, item_id_column="itemkeys", overwrite=True)
    with pytest.raises(UnknownName, match="known: a b, a_b"):
        ingested(tmp_path, "a b,a_b\n1,2\n", item_id_column="A B", overwrite=True)


@pytest.mark.parametrize("column_of_pictures", ["@none", None])
def test_pictures_inside_that_are_not_read_are_no_text_of_the_items(tmp_path, column_of_pictures):
    one = {"bytes": b"PNG", "path": "a.png"}
    kind = pl.Struct({"bytes": pl.Binary, "path": pl.String})
    frame = pl.DataFrame(
        {"id": ["1", "2"], "image": [one, one], "mask": [one, None]},
        schema_overrides={"image": kind, "mask": kind},
    )
    frame.write_parquet(tmp_path / "t.parquet")
    made = fz.ingest(
        tmp_path / "t.parquet", image_column=column_of_pictures, out=tmp_path / "c", max_failures=2
    )
    assert "mask" not in made.schema.names
    assert "source_image" not in made.schema.names
    assert made.column("image_status").to_pylist() == ["none" if column_of_pictures else "not_an_image"] * 2


def test_of_columns_that_are_called_like_a_field_one_that_holds_something_is_taken(tmp_path):
    """Shopify's newer exports have a Product Category beside the Type that shops have always filled."""
    made = ingested(tmp_path, "Handle,Title,Product Category,Type\nmug,Mug,,Mugs\npot,Pot,,Pots\n")
    assert made.manifest.mapping["categories"] == "Type"
    assert column(made, "categories") == {"mug": ["Mugs"], "pot": ["Pots"]}
    made = ingested(
        tmp_path, "Handle,Title,Product Category,Type\nmug,Mug,,Mugs\npot,Pot,Home,\n", overwrite=True
    )
    assert made.manifest.mapping["categories"] == "Product Category"
    made = ingested(tmp_path, "id,sku,title,name,brand\n,a,,Mug,\n,b,,Pot,\n", overwrite=True)
    assert made.manifest.mapping == {"item_id": "sku", "title": "name", "brand": "brand"}
