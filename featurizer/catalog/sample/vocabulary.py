"""The words that sellers use: what a thing is called, what it is for, how it is made.

None of them names a color or a pattern: those are for the picture alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraitWords:
    """What sellers say of a trait's value.

    Attributes:
        phrases: for a title, interchangeable: nouns of a kind, what a use is for, adjectives of a make.
        categories: where a shop files it, from general to special.
        sentences: about it.
        brands: that stand for it.
    """

    phrases: tuple[str, ...]
    categories: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()


_HOME, _WEAR, _PLAY = "Home & Kitchen", "Clothing, Shoes & Jewelry", "Toys & Games"

KIND_WORDS: dict[str, TraitWords] = {
    "mug": TraitWords(("Coffee Mug", "Mug", "Tea Cup"), (_HOME, "Dining", "Mugs")),
    "bottle": TraitWords(("Water Bottle", "Drinking Bottle", "Flask"), (_HOME, "Drinkware", "Water Bottles")),
    "teapot": TraitWords(("Teapot", "Tea Pot with Lid", "Tea Kettle"), (_HOME, "Dining", "Teapots")),
    "vase": TraitWords(("Vase", "Tabletop Vase", "Decorative Vase"), (_HOME, "Home Décor", "Vases")),
    "plant_pot": TraitWords(("Plant Pot", "Planter", "Planter with Drainage"), (_HOME, "Garden", "Planters")),
    "lamp": TraitWords(("Table Lamp", "Bedside Lamp", "Lamp with Shade"), (_HOME, "Lighting", "Table Lamps")),
    "chair": TraitWords(("Chair", "Side Chair", "Upholstered Chair"), (_HOME, "Furniture", "Chairs")),
    "cushion": TraitWords(
        ("Cushion", "Throw Pillow", "Pillow with Insert"), (_HOME, "Bedding", "Throw Pillows")
    ),
    "t_shirt": TraitWords(("T-Shirt", "Crew Neck Tee", "Jersey Shirt"), (_WEAR, "Tops", "T-Shirts")),
    "sock": TraitWords(("Socks", "Pair of Socks", "Cushioned Socks"), (_WEAR, "Hosiery", "Socks")),
    "cap": TraitWords(("Hat", "Cap", "Sun Hat"), (_WEAR, "Accessories", "Hats & Caps")),
    "sneaker": TraitWords(("Sneakers", "Trainers", "Canvas Shoes"), (_WEAR, "Shoes", "Fashion Sneakers")),
    "backpack": TraitWords(("Backpack", "Rucksack", "Daypack"), (_WEAR, "Luggage", "Backpacks")),
    "handbag": TraitWords(("Handbag", "Shoulder Bag", "Tote Bag"), (_WEAR, "Handbags & Wallets", "Handbags")),
    "umbrella": TraitWords(("Umbrella", "Stick Umbrella", "Rain Umbrella"), (_WEAR, "Luggage", "Umbrellas")),
    "watch": TraitWords(("Wrist Watch", "Watch", "Analogue Watch"), (_WEAR, "Watches", "Wrist Watches")),
    "notebook": TraitWords(("Notebook", "Journal", "Writing Pad"), ("Office Products", "Paper", "Notebooks")),
    "phone_case": TraitWords(
        ("Phone Case", "Smartphone Cover", "Phone Shell"), ("Cell Phones", "Cases", "Phone Cases")
    ),
    "teddy": TraitWords(
        ("Teddy", "Plush Animal", "Stuffed Toy"), (_PLAY, "Stuffed Animals", "Plush Figures")
    ),
    "guitar": TraitWords(
        ("Guitar", "Beginner Guitar", "Guitar with Strings"), ("Musical Instruments", "Strings", "Guitars")
    ),
}

USE_WORDS: dict[str, TraitWords] = {
    "camping": TraitWords(
        ("for Camping and Hiking", "for the Campsite", "for Mountain Trails"),
        ("Camping & Hiking",),
        ("Happiest beside a tent and a campfire.", "Goes along on every hike through the mountains."),
        ("Ridgeback", "Trailhead & Co", "Fjällvik"),
    ),
    "office": TraitWords(
        ("for Office and Business", "for Desk Workers", "for Business Meetings"),
        ("Office & Business",),
        (
            "At home in the conference room and at the desk.",
            "Made for accountants, lawyers and office managers.",
        ),
        ("Memoria", "Clerkwell", "Desk & Dossier"),
    ),
    "nursery": TraitWords(
        ("for Babies and Toddlers", "for the Nursery", "Baby Shower Gift"),
        ("Baby & Nursery",),
        ("Sized for newborns and toddlers, loved by parents.", "A gift for the baby shower and the nursery."),
        ("Lullabee", "Tiny Sprout", "Petit Nuage"),
    ),
    "yoga": TraitWords(
        ("for Yoga and Pilates", "for the Gym", "for Fitness Workouts"),
        ("Yoga & Fitness",),
        ("From the yoga mat to the gym locker.", "For stretching, pilates and your daily workout."),
        ("Asana Lane", "Vinyasa", "Core & Calm"),
    ),
    "fishing": TraitWords(
        ("for Fishing", "for Anglers and Boaters", "for the Fishing Boat"),
        ("Fishing & Boating",),
        ("For anglers who leave for the lake at dawn.", "Belongs in the boat next to rod, reel and bait."),
        ("Pikeman", "Angler's Rest", "Harbour & Hook"),
    ),
    "gaming": TraitWords(
        ("for Gamers", "for Esports and Streaming", "Video Game Fan Edition"),
        ("Video Games",),
        ("For long raids, boss fights and late streams.", "For console and PC gamers and esports fans."),
        ("RespawnX", "Pixelforge", "Night Raid"),
    ),
    "wedding": TraitWords(
        ("for Weddings", "for Bride and Groom", "Bridesmaid Gift"),
        ("Wedding Supplies",),
        (
            "A present for the bride, the groom and the wedding party.",
            "For the marriage ceremony and the honeymoon.",
        ),
        ("Ever & After", "Belle Mariée", "Vow House"),
    ),
    "hospital": TraitWords(
        ("for Nurses and Doctors", "for Hospital Staff", "Nurse Appreciation Gift"),
        ("Medical & Nursing",),
        (
            "For nurses, doctors and medical students.",
            "Stands up to a twelve-hour shift on the hospital ward.",
        ),
        ("Scrubline", "MediKind", "Ward Nine"),
    ),
}

MAKE_WORDS: dict[str, TraitWords] = {
    "recycled": TraitWords(
        ("Recycled", "Eco Recycled", "Upcycled"),
        sentences=(
            "Made from recycled ocean plastic to cut waste.",
            "Every part is recycled and can be recycled again.",
        ),
    ),
    "handmade": TraitWords(
        ("Handmade", "Handcrafted", "Artisan"),
        sentences=(
            "Handcrafted by village artisans, one at a time.",
            "Each piece is handmade in a family workshop.",
        ),
    ),
    "luxury": TraitWords(
        ("Luxury", "Designer", "Exclusive Luxury"),
        sentences=(
            "A luxury designer piece in a numbered edition.",
            "Premium couture quality, delivered in a velvet box.",
        ),
    ),
    "budget": TraitWords(
        ("Budget", "Cheap", "Low Price"),
        sentences=(
            "The cheap everyday choice at a discount price.",
            "Budget value: does the job and saves money.",
        ),
    ),
    "organic": TraitWords(
        ("Organic", "Vegan Organic", "Natural Organic"),
        sentences=(
            "Certified organic, vegan and free of chemicals.",
            "Natural materials from organic farms.",
        ),
    ),
    "rugged": TraitWords(
        ("Rugged", "Heavy Duty", "Military Grade"),
        sentences=(
            "Military grade toughness: shockproof and drop tested.",
            "Heavy duty and built to be abused.",
        ),
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
