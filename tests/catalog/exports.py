# ruff: noqa: E501 - headers as the programs write them
"""Exports of thirty programs and shops: their real headers, a few rows each, in the encodings that they come in."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

PICTURE = "http://127.0.0.1:9/mug.jpg"
"""Where nothing is asked for: addresses of this machine are refused."""


@dataclass(frozen=True)
class Export:
    """One export.

    Attributes:
        file: its name.
        data: its bytes.
        mapping: which column each field is read from.
        titles: by item id.
        options: of `ingest`, where a first try says that one is needed.
        refused: what that first try says; empty where none is needed.
    """

    file: str
    data: bytes
    mapping: dict[str, str]
    titles: dict[str, str]
    options: dict[str, object] = field(default_factory=dict)
    refused: str = ""


def text(*lines: str, encoding: str = "utf-8", end: str = "\n") -> bytes:
    """Return lines as a file."""
    return "".join(line + end for line in lines).encode(encoding)


def sheet(*rows: tuple[object, ...]) -> bytes:
    """Return rows as a workbook of one sheet."""
    return workbook({"Artikel": rows})


def workbook(sheets: Mapping[str, Sequence[tuple[object, ...]]]) -> bytes:
    """Return sheets as the smallest .xlsx that Excel opens, texts inside the cells."""

    def cell(value: object) -> str:
        if value is None:
            return "<c/>"
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{content}.worksheet+xml"/>'
        for number in numbers
    )
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="r{number}"/>'
        for number, name in zip(numbers, sheets, strict=True)
    )
    links = "".join(
        f'<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{content}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type='
        f'"{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
    }
    for number, rows in zip(numbers, sheets.values(), strict=True):
        body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, xml in files.items():
            file.writestr(name, head + xml)
    return buffer.getvalue()


def spreadsheet(*rows: tuple[object, ...]) -> bytes:
    """Return rows as the smallest .ods that LibreOffice opens."""
    office, table, words = (
        f"urn:oasis:names:tc:opendocument:xmlns:{part}:1.0" for part in ("office", "table", "text")
    )
    body = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(str(value))}</text:p></table:table-cell>'
            for value in row
        )
        + "</table:table-row>"
        for row in rows
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{office}" xmlns:table="{table}" '
        f'xmlns:text="{words}" office:version="1.2"><office:body><office:spreadsheet><table:table table:name="A">'
        f"{body}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("mimetype", kind)
        file.writestr("content.xml", content)
        file.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{manifest}"><manifest:file-entry manifest:full-path="/" '
            f'manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return buffer.getvalue()


MERCHANT_RSS = f"""<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>TV_1</g:id><title>no</title><g:title><![CDATA[Enamel mug & lid]]></g:title><g:brand>Kettleby</g:brand>
<g:description>Red.</g:description><g:product_type>Kitchen &gt; Mugs</g:product_type>
<g:image_link>{PICTURE}</g:image_link><g:additional_image_link>{PICTURE}</g:additional_image_link>
<g:additional_image_link>{PICTURE}?2</g:additional_image_link><g:price>15.00 USD</g:price>
<g:shipping><g:country>US</g:country><g:price>5 USD</g:price></g:shipping></item>
<item><g:id>TV_2</g:id><g:title>Lamp</g:title></item></channel></rss>"""
MERCHANT_ATOM = f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>
<entry><g:id>1</g:id><title>Tasse</title><link href="https://example.org/1"/><summary>Rot.</summary>
<g:image_link>{PICTURE}</g:image_link></entry></feed>"""
WOO = (
    "ID,Type,SKU,Name,Published,\"Is featured?\",\"Visibility in catalog\",\"Short description\",Description,"
    "\"Regular price\",Categories,Tags,Images,\"Attribute 1 name\",\"Attribute 1 value(s)\""
)  # fmt: skip
SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Price,Image Src,Image Position,Image Alt Text,Status"
)
SHOPIFY_MAPPING = {
    "item_id": "Handle", "title": "Title", "brand": "Vendor", "categories": "Product Category",
    "description": "Body (HTML)", "image": "Image Src",
}  # fmt: skip

EXPORTS: dict[str, Export] = {
    "shopify, a row a product": Export(
        "products_export.csv",
        text(SHOPIFY, f'mug,Enamel mug,"<p>Red, <b>enamel</b></p>",Kettleby,Kitchen > Mugs,,new,true,Size,S,M-1,9,{PICTURE},1,,active'),
        SHOPIFY_MAPPING,
        {"mug": "Enamel mug"},
    ),
    "shopify, rows of variants and pictures": Export(
        "products_export_1.csv",
        text(
            SHOPIFY,
            f"mug,Enamel mug,,Kettleby,Kitchen > Mugs,,new,true,Size,S,M-1,9,{PICTURE},1,,active",
            "mug,,,,,,,,,L,M-2,11,,,,",
            f"lamp,Lamp,,Lumen,Home > Lamps,,,true,Title,Default,L-1,30,{PICTURE},1,,active",
        ),
        SHOPIFY_MAPPING,
        {"mug": "Enamel mug", "lamp": "Lamp"},
    ),
    "shopify, products.json": Export(
        "products.json",
        json.dumps({"products": [
            {"id": 632910392, "title": "Mug", "body_html": "<p>Red</p>", "vendor": "K", "product_type": "Mugs",
             "handle": "mug", "images": [{"id": 1, "src": PICTURE}, {"id": 2, "src": PICTURE}]},
        ]}).encode(),
        {"item_id": "id", "title": "title", "brand": "vendor", "categories": "product_type",
         "description": "body_html", "image": "images"},
        {"632910392": "Mug"},
    ),
    "woocommerce": Export(
        "wc-product-export.csv",
        text("\ufeff" + WOO, f'44,simple,MUG-1,"Mug, red",1,0,visible,Short,"Long\\nlines",9.90,"Kitchen > Mugs",,{PICTURE},Color,Red',
             "45,simple,,Lamp,1,0,visible,,,30,,,,,"),
        {"item_id": "ID", "title": "Name", "categories": "Categories", "description": "Description", "image": "Images"},
        {"44": "Mug, red", "45": "Lamp"},
    ),
    "magento 2": Export(
        "export_catalog_product.csv",
        text("sku,store_view_code,attribute_set_code,product_type,categories,product_websites,name,description,"
             "short_description,weight,price,base_image,small_image,thumbnail_image,additional_attributes",
             '24-MB01,,Bag,simple,"Default Category/Gear",base,"Joust Bag","<p>Bag</p>",,,34,/m/b/mb01.jpg,,,"a=b,c=d"'),
        {"item_id": "sku", "title": "name", "categories": "categories", "description": "description", "image": "base_image"},
        {"24-MB01": "Joust Bag"},
    ),
    "google merchant, tsv": Export(
        "feed.tsv",
        text("id\ttitle\tdescription\tlink\timage link\tavailability\tprice\tbrand\tgtin\tgoogle product category",
             f'A-1\tMug 5" wide\tRed\thttps://x.org\t{PICTURE}\tin stock\t9 EUR\tK\t4006381333931\t674'),
        {"item_id": "id", "title": "title", "brand": "brand", "categories": "google product category",
         "description": "description", "image": "image link"},
        {"A-1": 'Mug 5" wide'},
    ),
    "google merchant, rss": Export(
        "feed.xml",
        MERCHANT_RSS.encode(),
        {"item_id": "id", "title": "title", "brand": "brand", "categories": "product_type",
         "description": "description", "image": "image_link", "images": "additional_image_link"},
        {"TV_1": "Enamel mug & lid", "TV_2": "Lamp"},
    ),
    "google merchant, atom": Export(
        "feed.atom", MERCHANT_ATOM.encode(), {"item_id": "id", "title": "title", "image": "image_link"}, {"1": "Tasse"}
    ),
    "amazon, flat file": Export(
        "flat.file.txt",
        text("TemplateType=fptcustom\tVersion=2019.0101\tThe top 3 rows are for Amazon.com use only.\t\t",
             "Product Type\tSeller SKU\tProduct Name\tBrand Name\tMain Image URL",
             "feed_product_type\titem_sku\titem_name\tbrand_name\tmain_image_url",
             f"kitchen\tMUG-1\tM\u00fcsli bowl\tK\t{PICTURE}", encoding="cp1252"),
        {"item_id": "item_sku", "title": "item_name", "brand": "brand_name", "categories": "feed_product_type",
         "image": "main_image_url"},
        {"MUG-1": "M\u00fcsli bowl"},
    ),
    "amazon, inventory report": Export(
        "All+Listings+Report.txt",
        text("item-name\titem-description\tlisting-id\tseller-sku\tprice\tquantity\timage-url\tasin1\tproduct-id",
             f"Mug\tRed\tL1\tS-1\t9.9\t3\t{PICTURE}\tB0001\tB0001"),
        {"item_id": "product-id", "title": "item-name", "description": "item-description", "image": "image-url"},
        {"B0001": "Mug"},
    ),
    "german excel": Export(
        "Artikel.csv",
        text("Artikelnummer;Bezeichnung;Warengruppe;Hersteller;Preis (EUR);Bild",
             '1001;"Tasse ""Groß""";Küche > Tassen;Kettleby;9,90;tasse.jpg', "1002;Müslischale;Küche;;12,50;",
             encoding="cp1252", end="\r\n"),
        {"item_id": "Artikelnummer", "title": "Bezeichnung", "brand": "Hersteller", "categories": "Warengruppe", "image": "Bild"},
        {"1001": 'Tasse "Groß"', "1002": "Müslischale"},
    ),
    "german excel, with a title above and sep=": Export(
        "Liste.csv",
        text("sep=;", "Art.-Nr.;Artikelbezeichnung;Marke", "1;Löffel;K", encoding="cp1252"),
        {"item_id": "Art.-Nr.", "title": "Artikelbezeichnung", "brand": "Marke"},
        {"1": "Löffel"},
    ),
    "a report with a title above its header": Export(
        "Report.csv",
        text("Artikelliste Stand 01.01.2024;;", ";;", "Artikelnr;Titel;Preis", "1;Tasse;2", "2;Topf;3"),
        {"item_id": "Artikelnr", "title": "Titel"},
        {"1": "Tasse", "2": "Topf"},
    ),
    "chinese, utf-16": Export(
        "商品.csv",
        "商品编号\t商品名称\t品牌\t商品分类\t商品描述\t图片链接\n100\t搪瓷杯\t凯\t厨房\t红色\thttp://127.0.0.1:9/a.jpg\n".encode("utf-16"),
        {"item_id": "商品编号", "title": "商品名称", "brand": "品牌", "categories": "商品分类",
         "description": "商品描述", "image": "图片链接"},
        {"100": "搪瓷杯"},
    ),
    "chinese, gb18030": Export(
        "taobao.csv",
        "货号,标题,主图\nA1,红色搪瓷杯子和茶壶套装,http://127.0.0.1:9/a.jpg\n".encode("gb18030"),
        {"item_id": "货号", "title": "标题", "image": "主图"},
        {"A1": "红色搪瓷杯子和茶壶套装"},
        {"encoding": "gb18030"},
        r"is not UTF-8: line 1 holds the byte .*--encoding gb18030",
    ),
    "japanese, shift-jis": Export(
        "rakuten.csv",
        "商品番号,商品名,商品説明,商品画像\nm-1,赤いホーローマグカップ,食洗機で使えます,a.jpg\n".encode("cp932"),
        {"item_id": "商品番号", "title": "商品名", "description": "商品説明", "image": "商品画像"},
        {"m-1": "赤いホーローマグカップ"},
        {"encoding": "cp932"},
        r"is not UTF-8: line 1 holds the byte .*--encoding",
    ),
    "etsy": Export(
        "EtsyListingsDownload.csv",
        text("TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,IMAGE2,IMAGE3,SKU",
             f'Mug,"Red, by hand",20,EUR,1,"mug,red",clay,{PICTURE},{PICTURE},,ET-1'),
        {"item_id": "SKU", "title": "TITLE", "description": "DESCRIPTION", "image": "IMAGE1"},
        {"ET-1": "Mug"},
    ),
    "ebay, file exchange": Export(
        "FileExchange.csv",
        text("*Action(SiteID=US|Country=US),ItemID,*Category,*Title,*Description,*Quantity,PicURL,CustomLabel",
             f"Add,110,20625,Mug,Red,1,{PICTURE},MUG"),
        {"item_id": "ItemID", "title": "*Title", "categories": "*Category", "description": "*Description", "image": "PicURL"},
        {"110": "Mug"},
    ),
    "prestashop": Export(
        "products_import.csv",
        text('"Product ID";"Active (0/1)";"Name *";"Categories (x,y,z...)";"Price tax excluded";"Reference #";"Manufacturer";'
             '"Description";"Image URLs (x,y,z...)"', f'1;1;"Tasse";"Cuisine,Tasses";9.9;REF1;"K";"Rouge";"{PICTURE}"'),
        {"item_id": "Product ID", "title": "Name *", "brand": "Manufacturer", "categories": "Categories (x,y,z...)",
         "description": "Description", "image": "Image URLs (x,y,z...)"},
        {"1": "Tasse"},
    ),
    "shopware 5": Export(
        "export.articles.csv",
        text("ordernumber;mainnumber;name;supplier;tax;description_long;categories;imageUrl",
             f"SW10001;SW10001;Tasse;Kettleby;19,00;<p>Rot</p>;1234|5678;{PICTURE}"),
        {"item_id": "ordernumber", "title": "name", "brand": "supplier", "categories": "categories",
         "description": "description_long", "image": "imageUrl"},
        {"SW10001": "Tasse"},
    ),
    "shopware 6": Export(
        "shopware6.csv",
        text("id;product_number;translations.DEFAULT.name;translations.DEFAULT.description;cover_media_url;manufacturer_name",
             f"018c;SW1;Tasse;Rot;{PICTURE};K"),
        {"item_id": "id", "title": "translations.DEFAULT.name", "brand": "manufacturer_name",
         "description": "translations.DEFAULT.description", "image": "cover_media_url"},
        {"018c": "Tasse"},
    ),
    "bigcommerce": Export(
        "bigcommerce.csv",
        text("Product ID,Product Type,Code,Name,Brand,Description,Category,Images,Product Image URL - 1",
             f"7,P,MUG,Mug,K,Red,Kitchen/Mugs,,{PICTURE}"),
        {"item_id": "Product ID", "title": "Name", "brand": "Brand", "categories": "Category",
         "description": "Description", "image": "Product Image URL - 1"},
        {"7": "Mug"},
    ),
    "wix": Export(
        "catalog_products.csv",
        text("handleId,fieldType,name,description,productImageUrl,collection,sku,ribbon,price",
             "product_1,Product,Mug,Red,a.jpg;b.jpg,Kitchen,MUG,,9"),
        {"item_id": "handleId", "title": "name", "categories": "collection", "description": "description",
         "image": "productImageUrl"},
        {"product_1": "Mug"},
    ),
    "squarespace": Export(
        "products_Jan-01.csv",
        text("Product ID [Non Editable],Variant ID [Non Editable],Product Type [Non Editable],Title,Description,SKU,"
             "Categories,Hosted Image URLs", f"5f,6a,PHYSICAL,Mug,Red,SQ1,/mugs,{PICTURE}"),
        {"item_id": "Product ID [Non Editable]", "title": "Title", "categories": "Categories",
         "description": "Description", "image": "Hosted Image URLs"},
        {"5f": "Mug"},
    ),
    "akeneo": Export(
        "akeneo.csv",
        text("sku;categories;enabled;family;groups;name-en_US;description-en_US-ecommerce;picture",
             "mug;kitchen,mugs;1;mugs;;Mug;Red;files/mug/picture/a.jpg"),
        {"item_id": "sku", "title": "name-en_US", "categories": "categories",
         "description": "description-en_US-ecommerce", "image": "picture"},
        {"mug": "Mug"},
    ),
    "salesforce commerce cloud, xml": Export(
        "catalog.xml",
        b"""<?xml version="1.0" encoding="UTF-8"?><catalog xmlns="http://www.demandware.com/xml/impex/catalog/2006-10-31">
<product product-id="M1"><display-name xml:lang="x-default">Mug</display-name><brand>K</brand>
<long-description>Red</long-description></product></catalog>""",
        {"item_id": "product-id", "title": "display-name", "brand": "brand", "description": "long-description"},
        {"M1": "Mug"},
    ),
    "sap, list": Export(
        "MARA.txt",
        text("Material|Materialkurztext|Warengruppe|EAN", "000000000000100001|Tasse|KUE01|4006381333931", encoding="latin-1"),
        {"item_id": "Material", "title": "Materialkurztext", "categories": "Warengruppe"},
        {"000000000000100001": "Tasse"},
    ),
    "excel workbook": Export(
        "Artikel.xlsx",
        sheet(("Artikelliste",), ("Artikel-Nr.", "Bezeichnung", "Preis"), (1001, "Tasse", 9.9), (1002.0, "Topf", None)),
        {"item_id": "Artikel-Nr.", "title": "Bezeichnung"},
        {"1001": "Tasse", "1002": "Topf"},
    ),
    "libreoffice sheet": Export(
        "items.ods",
        spreadsheet(("Réf", "Désignation", "Photo"), ("a", "Tasse émaillée", "a.jpg")),
        {"item_id": "Réf", "title": "Désignation", "image": "Photo"},
        {"a": "Tasse émaillée"},
    ),
    "mysql, backslashes": Export(
        "dump.csv",
        text('"id","name","note"', r'"1","Mug \"red\"","a"', r'"2","Lamp","5\" high"', r'"3","Pot","b"'),
        {"item_id": "id", "title": "name"},
        {"1": 'Mug "red"', "2": "Lamp", "3": "Pot"},
    ),
    "postgres, json lines": Export(
        "rows.ndjson",
        text('{"uid": "a", "productTitle": "Mug", "imageUrl": "a.jpg"}', '{"uid": "b", "productTitle": "Lamp"}'),
        {"item_id": "uid", "title": "productTitle", "image": "imageUrl"},
        {"a": "Mug", "b": "Lamp"},
    ),
    "an api's answer": Export(
        "answer.json",
        json.dumps([{"sku": "a", "name": "Mug", "photos": [PICTURE]}, {"sku": "b", "name": "Lamp"}], indent=1).encode(),
        {"item_id": "sku", "title": "name", "image": "photos"},
        {"a": "Mug", "b": "Lamp"},
    ),
    "a list without ids": Export(
        "list.csv",
        text("Farbe,Größe,Kunde", "rot,S,a", "blau,M,a"),
        {"item_id": "@row"},
        {"1": None, "2": None},
        {"item_id_column": "@row"},
        r"no column that is an item id.*Every row has a value of its own in Farbe, Größe\..*@row",
    ),
}  # fmt: skip
"""By what they are."""
