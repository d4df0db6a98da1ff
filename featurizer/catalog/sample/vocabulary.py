"""The words that sellers use: what a thing is called, what it is for, how it is made.

None of them names a color or a pattern: those are for the picture alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KindWords:
    """What a kind is called (`nouns`, interchangeable) and where a shop files it, from general to special."""

    nouns: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UseWords:
    """A use: the brands that stand for it, the shelf, words for a title and sentences about it."""

    brands: tuple[str, ...]
    shelf: str
    phrases: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MakeWords:
    """How a thing is made: adjectives for a title and sentences about it."""

    adjectives: tuple[str, ...]
    sentences: tuple[str, ...]


_HOME, _WEAR, _PLAY = "Home & Kitchen", "Clothing, Shoes & Jewelry", "Toys & Games"

KIND_WORDS: dict[str, KindWords] = {
    "mug": KindWords(("Coffee Mug", "Mug", "Tea Cup"), (_HOME, "Dining", "Mugs")),
    "bottle": KindWords(("Water Bottle", "Drinking Bottle", "Flask"), (_HOME, "Drinkware", "Water Bottles")),
    "teapot": KindWords(("Teapot", "Tea Pot with Lid", "Tea Kettle"), (_HOME, "Dining", "Teapots")),
    "vase": KindWords(("Vase", "Tabletop Vase", "Decorative Vase"), (_HOME, "Home Décor", "Vases")),
    "plant_pot": KindWords(("Plant Pot", "Planter", "Planter with Drainage"), (_HOME, "Garden", "Planters")),
    "lamp": KindWords(("Table Lamp", "Bedside Lamp", "Lamp with Shade"), (_HOME, "Lighting", "Table Lamps")),
    "chair": KindWords(("Chair", "Side Chair", "Upholstered Chair"), (_HOME, "Furniture", "Chairs")),
    "cushion": KindWords(
        ("Cushion", "Throw Pillow", "Pillow with Insert"), (_HOME, "Bedding", "Throw Pillows")
    ),
    "t_shirt": KindWords(("T-Shirt", "Crew Neck Tee", "Jersey Shirt"), (_WEAR, "Tops", "T-Shirts")),
    "sock": KindWords(("Socks", "Pair of Socks", "Cushioned Socks"), (_WEAR, "Hosiery", "Socks")),
    "cap": KindWords(("Hat", "Cap", "Sun Hat"), (_WEAR, "Accessories", "Hats & Caps")),
    "sneaker": KindWords(("Sneakers", "Trainers", "Canvas Shoes"), (_WEAR, "Shoes", "Fashion Sneakers")),
    "backpack": KindWords(("Backpack", "Rucksack", "Daypack"), (_WEAR, "Luggage", "Backpacks")),
    "handbag": KindWords(("Handbag", "Shoulder Bag", "Tote Bag"), (_WEAR, "Handbags & Wallets", "Handbags")),
    "umbrella": KindWords(("Umbrella", "Stick Umbrella", "Rain Umbrella"), (_WEAR, "Luggage", "Umbrellas")),
    "watch": KindWords(("Wrist Watch", "Watch", "Analogue Watch"), (_WEAR, "Watches", "Wrist Watches")),
    "notebook": KindWords(("Notebook", "Journal", "Writing Pad"), ("Office Products", "Paper", "Notebooks")),
    "phone_case": KindWords(
        ("Phone Case", "Smartphone Cover", "Phone Shell"), ("Cell Phones", "Cases", "Phone Cases")
    ),
    "teddy": KindWords(("Teddy", "Plush Animal", "Stuffed Toy"), (_PLAY, "Stuffed Animals", "Plush Figures")),
    "guitar": KindWords(
        ("Guitar", "Beginner Guitar", "Guitar with Strings"), ("Musical Instruments", "Strings", "Guitars")
    ),
}

USE_WORDS: dict[str, UseWords] = {
    "camping": UseWords(
        ("Ridgeback", "Trailhead & Co", "Fjällvik"),
        "Camping & Hiking",
        ("for Camping and Hiking", "for the Campsite", "for Mountain Trails"),
        ("Happiest beside a tent and a campfire.", "Goes along on every hike through the mountains."),
    ),
    "office": UseWords(
        ("Memoria", "Clerkwell", "Desk & Dossier"),
        "Office & Business",
        ("for Office and Business", "for Desk Workers", "for Business Meetings"),
        (
            "At home in the conference room and at the desk.",
            "Made for accountants, lawyers and office managers.",
        ),
    ),
    "nursery": UseWords(
        ("Lullabee", "Tiny Sprout", "Petit Nuage"),
        "Baby & Nursery",
        ("for Babies and Toddlers", "for the Nursery", "Baby Shower Gift"),
        ("Sized for newborns and toddlers, loved by parents.", "A gift for the baby shower and the nursery."),
    ),
    "yoga": UseWords(
        ("Asana Lane", "Vinyasa", "Core & Calm"),
        "Yoga & Fitness",
        ("for Yoga and Pilates", "for the Gym", "for Fitness Workouts"),
        ("From the yoga mat to the gym locker.", "For stretching, pilates and your daily workout."),
    ),
    "fishing": UseWords(
        ("Pikeman", "Angler's Rest", "Harbour & Hook"),
        "Fishing & Boating",
        ("for Fishing", "for Anglers and Boaters", "for the Fishing Boat"),
        ("For anglers who leave for the lake at dawn.", "Belongs in the boat next to rod, reel and bait."),
    ),
    "gaming": UseWords(
        ("RespawnX", "Pixelforge", "Night Raid"),
        "Video Games",
        ("for Gamers", "for Esports and Streaming", "Video Game Fan Edition"),
        ("For long raids, boss fights and late streams.", "For console and PC gamers and esports fans."),
    ),
    "wedding": UseWords(
        ("Ever & After", "Belle Mariée", "Vow House"),
        "Wedding Supplies",
        ("for Weddings", "for Bride and Groom", "Bridesmaid Gift"),
        (
            "A present for the bride, the groom and the wedding party.",
            "For the marriage ceremony and the honeymoon.",
        ),
    ),
    "hospital": UseWords(
        ("Scrubline", "MediKind", "Ward Nine"),
        "Medical & Nursing",
        ("for Nurses and Doctors", "for Hospital Staff", "Nurse Appreciation Gift"),
        (
            "For nurses, doctors and medical students.",
            "Stands up to a twelve-hour shift on the hospital ward.",
        ),
    ),
}

MAKE_WORDS: dict[str, MakeWords] = {
    "recycled": MakeWords(
        ("Recycled", "Eco Recycled", "Upcycled"),
        (
            "Made from recycled ocean plastic to cut waste.",
            "Every part is recycled and can be recycled again.",
        ),
    ),
    "handmade": MakeWords(
        ("Handmade", "Handcrafted", "Artisan"),
        ("Handcrafted by village artisans, one at a time.", "Each piece is handmade in a family workshop."),
    ),
    "luxury": MakeWords(
        ("Luxury", "Designer", "Exclusive Luxury"),
        (
            "A luxury designer piece in a numbered edition.",
            "Premium couture quality, delivered in a velvet box.",
        ),
    ),
    "budget": MakeWords(
        ("Budget", "Cheap", "Low Price"),
        ("The cheap everyday choice at a discount price.", "Budget value: does the job and saves money."),
    ),
    "organic": MakeWords(
        ("Organic", "Vegan Organic", "Natural Organic"),
        ("Certified organic, vegan and free of chemicals.", "Natural materials from organic farms."),
    ),
    "rugged": MakeWords(
        ("Rugged", "Heavy Duty", "Military Grade"),
        ("Military grade toughness: shockproof and drop tested.", "Heavy duty and built to be abused."),
    ),
}

REMARKS = (
    "Easy to clean.",
    "Ships in a gift box.",
    "Backed by a two-year warranty.",
    "One size.",
    "Customer service answers within a day.",
    "Please allow small deviations in size.",
)
"""What every seller says; it tells nothing about the item."""

PRAISE = (
    ("Love it", "Exactly what I hoped for. The {noun} is used every day."),
    ("Five stars", "Arrived early, well packed. Would buy again."),
    ("Great gift", "Gave this {noun} to my sister and she adores it."),
)
COMPLAINTS = (
    ("It's okay", "The {noun} does its job, but I expected more."),
    ("Not for me", "Smaller than I thought. Sent it back."),
    ("Meh", "Came late and the box was crushed.<br />The {noun} itself is fine."),
)
