"""Which column of anybody's table is which field of an item, by its usual names or as told."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from featurizer.config import Config
from featurizer.errors import InputError, UnknownName
from featurizer.tables.matching import called, folded, forms, match

ROW, FILE_NAME = "@row", "@file_name"
"""What may stand for a column of ids: the row's number, from 1; the name of the picture's file, without its suffix."""
MADE = (ROW, FILE_NAME)
SEVERAL_ROWS = ("handle", "handleid")
"""Columns of ids, folded, of which a product has a row for every variant and picture: Shopify's and Wix's."""
NO_COLUMN = "@none"
"""What may stand for a column of any other field: none is taken, whatever they are called."""


def _names(words: str) -> tuple[str, ...]:
    return tuple(map(folded, words.split()))


USUAL: Mapping[str, tuple[str, ...]] = {
    "item_id": _names(
        "itemid id parentasin asin productid articleid entityid offerid listingid gid handle handleid sku "
        "itemsku sellersku variantsku stockkeepingunit artikelnummer artikelnr artnr articlenumber "
        "articlenr itemnumber itemno productcode productnumber produktnummer productidentifier identifier "
        "ordernumber bestellnummer material materialnumber materialnummer matnr partnumber uid uuid guid "
        "code reference referenz referencia ref codigo gtin gtin13 gtin14 ean ean13 upc barcode isbn "
        "isbn13 movieid bookid trackid newsid goodsid spuid skuid "
        "商品编号 商品编码 商品id 商品代码 货号 编号 編號 商品番号 品番"
    ),
    "title": _names(
        "title name productname producttitle itemname itemtitle articlename bezeichnung artikelbezeichnung "
        "produktbezeichnung artikelname produktname materialdescription kurztext materialkurztext maktx "
        "titel listingtitle displayname headline caption titre titulo nombre nom designation libelle "
        "denominazione titolo naam nazwa 商品名称 商品标题 标题 标题名称 名称 品名 產品名稱 商品名 タイトル"
    ),
    "brand": _names(
        "brand brands brandname brandnames productbrand store manufacturer manufacturername vendor marke hersteller "
        "herstellername marca marque fabricant fabricante maker supplier 品牌 ブランド"
    ),
    "categories": _names(
        "categories category categorypath categoryname categorynames productcategory productcategories "
        "producttype googleproductcategory genres kategorie kategorien kategoriepfad warengruppe "
        "produktkategorie categorytree productgroup family department itemtype feedproducttype collection "
        "collections categoria categorias categorie type 分类 类目 商品分类 商品类目 カテゴリ"
    ),
    "description": _names(
        "description productdescription itemdescription bodyhtml body longdescription descriptionlong "
        "descriptionhtml htmldescription beschreibung artikelbeschreibung produktbeschreibung "
        "langbeschreibung langtext detailtext shortdescription kurzbeschreibung content descripcion "
        "descricao descrizione omschrijving opis 描述 商品描述 商品详情 商品説明"
    ),
    "image": _names(
        "image imurl imageurl images imagepath filename imageurls imagelink imagesrc imagelinks mainimage "
        "mainimageurl mainimagelink primaryimage primaryimageurl heroimage coverimage coverurl "
        "covermediaurl baseimage frontimage productimage productimageurl productimages productimagefile1 "
        "productimageurl1 hostedimageurls picture pictures pictureurl pictureurls picurl photo photos "
        "photourl image1 image1url imageurl1 picture1 pictureurl1 photo1 itemphoto galleryurl "
        "featuredimage bild bilder bild1 bildurl bildpfad hauptbild produktbild foto fotos imagen imagenes "
        "imagem immagine imageref imagefile imagefilename img imgurl imgsrc poster posterurl posterpath "
        "thumbnail thumbnailurl smallimage thumb 图片 主图 图片链接 商品图片 商品主图 图片地址 画像 商品画像 画像url"
    ),
}
"""The names of each field, folded (`tables.matching.folded`), those preferred first."""
FURTHER = _names(
    "images additionalimagelink additionalimagelinks additionalimage additionalimages additionalimageurl "
    "additionalimageurls otherimage otherimages otherimageurl otherimageurls otherimagelink moreimages furtherimages "
    "extraimages galleryimages galleryimageurls imagegallery gallery mediagallery alternateimages alternateimageurls "
    "weiterebilder zusatzbilder bildergalerie galerie imagenesadicionales imagessupplementaires "
    "副图 附图 更多图片 商品副图 サブ画像"
)
"""The names of columns of further pictures, folded; beside those of pictures with a number: `image2`, `Bild 3`."""
_NUMBERED = re.compile(
    r"(?:other|additional|more|extra|gallery|product|item|alternate)?"
    r"(?:image|picture|photo|img|pic|bild|foto|imagen|immagine|图片|商品图片|画像)"
    r"(?:url|link|src|path|file)?\d{1,2}(?:url|link|src|path|file)?"
)
CALLED = {"item_id": "id", "image": "picture"}
"""What a field is called where the mapping is told."""


class ColumnNames(Config):
    """The user's own choice of columns; None means: by the usual names, `@none`: no column."""

    item_id: str | None = None
    """The item's id; unique, never empty. @row: the row's number; @file_name: the name of its picture's file."""
    title: str | None = None
    """The product's name."""
    brand: str | None = None
    """The maker or shop."""
    categories: str | None = None
    """A list, or a text split at `|` or `>`, and at commas between paths."""
    description: str | None = None
    """Free text."""
    image: str | None = None
    """A path, an http(s) or file URL, or the picture itself. @none: no column, as for any field but the id."""
    images: tuple[str, ...] = ()
    """Further pictures of the item; may be given several times. @none: no column."""

    def resolve(
        self,
        columns: Sequence[str],
        *,
        origin: str,
        pictures: Sequence[str] = (),
        unique: Callable[[], Sequence[str]] = tuple,
        empty: Callable[[], Collection[str]] = tuple,
    ) -> dict[str, str]:
        """Say which of `columns` each field is read from; fields that are absent are left out.

        Of those that are called like a field, the ones that hold something come before those that do not.

        Args:
            columns: as they are called.
            origin: what messages call the table.
            pictures: those that hold pictures, as their types say; they come before names of pictures.
            unique: finds those that could be ids, where none is called like one.
            empty: finds those that hold nothing.

        Raises:
            UnknownName: a chosen column is not there.
            InputError: no column is an item id.
        """
        chosen = {field: name for field in USUAL if (name := getattr(self, field)) is not None}
        for field, name in chosen.items():
            if name not in (MADE if field == "item_id" else (NO_COLUMN,)):
                chosen[field] = _there(name, columns, origin)
        free = [name for name in columns if name not in chosen.values()]
        roles = {field: names for field, names in USUAL.items() if field not in chosen}
        unfilled = empty() if free else ()
        filled = match(roles, [name for name in free if name not in unfilled])
        others = {field: names for field, names in roles.items() if field not in filled}
        matched = filled | match(others, [name for name in free if name not in filled.values()])
        if "image" not in chosen and pictures and matched.get("image") not in pictures:
            matched["image"] = pictures[0]
        found = {
            field: name
            for field in USUAL
            if (name := chosen.get(field) or matched.get(field)) is not None and name != NO_COLUMN
        }
        if "item_id" not in found:
            raise InputError(_no_id(origin, columns, unique()))
        return found

    def further(
        self,
        columns: Sequence[str],
        fields: Mapping[str, str],
        *,
        origin: str,
        fits: Callable[[str], bool],
    ) -> tuple[str, ...]:
        """Say which of `columns` hold further pictures of an item, beside the one of `fields`.

        Args:
            columns: as they are called.
            fields: which column each field is read from.
            origin: what messages call the table.
            fits: says whether a column that is called like one of pictures holds such; asked of these alone.

        Raises:
            UnknownName: a chosen column is not there.
        """
        if self.images:
            return tuple(_there(name, columns, origin) for name in self.images if name != NO_COLUMN)
        if "image" not in fields:
            return ()
        likely = (name for name in columns if name not in fields.values() and _is_further(name))
        return tuple(filter(fits, likely))


def _there(name: str, columns: Sequence[str], origin: str) -> str:
    found = called(name, columns)
    if found is None:
        raise UnknownName(f"column of {origin}", name, columns, advice=delimiter_hint(columns))
    return found


def _is_further(name: str) -> bool:
    return any(form in FURTHER or _NUMBERED.fullmatch(form) for form in forms(name))


def _no_id(origin: str, columns: Sequence[str], unique: Sequence[str]) -> str:
    offered = f" Every row has a value of its own in {', '.join(unique)}." if unique else ""
    return " ".join(
        [
            f"{origin} has no column that is an item id (looked for id, sku, product_id, asin, ean, Artikelnummer and "
            f"the like); it has: {', '.join(columns)}.{offered} Name one with --item-id-column, or number the rows "
            f"with --item-id-column {ROW}.",
            *filter(None, [delimiter_hint(columns)]),
        ]
    )


def told_mapping(fields: Mapping[str, str | None], unused: Sequence[str]) -> str:
    """Return in a line what each field is read from: `id ← Artikelnummer, title ← Bezeichnung; unused: Preis`."""
    read = {**fields, "image": " + ".join(filter(None, (fields.get("image"), fields.get("images"))))}
    taken = (f"{CALLED.get(field, field)} ← {read.get(field) or 'none'}" for field in USUAL)
    return f"{', '.join(taken)}; unused: {', '.join(unused) or 'none'}"


def delimiter_hint(columns: Sequence[str]) -> str:
    """Return what to do about a header of one column that holds a delimiter; else nothing."""
    signs = {";": "';'", "|": "'|'", "\t": "tab", ",": "','"}
    mark = next((mark for mark in signs if mark in columns[0]), "") if len(columns) == 1 else ""
    if not mark:
        return ""
    return f"It seems to be separated otherwise: --delimiter {signs[mark]} names what separates cells."
