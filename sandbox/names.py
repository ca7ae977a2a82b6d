"""Words that companies and sales reps are called by.

Invariant: names are put together at random from common words; any likeness to a real company is
chance. Every list keeps its order, since the order is part of what a seed means.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

INDUSTRIES: dict[str, str] = {
    "Machinery": "机械设备",
    "Electronics": "电子元件",
    "Chemicals": "化工",
    "Textiles": "纺织服装",
    "Food": "食品",
    "Building Materials": "建材",
    "Automotive": "汽车零部件",
    "Packaging": "包装",
    "Medical Devices": "医疗器械",
    "Metals": "金属材料",
    "Trading": "贸易",
    "Energy": "新能源",
}
"""Industry as ``Company.industry`` names it → the same in Chinese."""

CN_CITIES: tuple[tuple[str, str], ...] = (
    ("上海", "310115"),
    ("北京", "110108"),
    ("深圳", "440305"),
    ("广州", "440106"),
    ("杭州", "330106"),
    ("宁波", "330203"),
    ("苏州", "320508"),
    ("无锡", "320205"),
    ("南京", "320106"),
    ("青岛", "370202"),
    ("济南", "370102"),
    ("天津", "120104"),
    ("武汉", "420106"),
    ("长沙", "430102"),
    ("成都", "510104"),
    ("重庆", "500103"),
    ("西安", "610113"),
    ("郑州", "410105"),
    ("合肥", "340104"),
    ("厦门", "350203"),
    ("佛山", "440604"),
    ("东莞", "441900"),
    ("温州", "330302"),
    ("义乌", "330782"),
    ("大连", "210202"),
)
"""City and the region code that its unified codes carry."""

_CN_FIRST = "瑞恒鼎华泰盛金宏嘉永信安德立正昌隆兴茂源凯博远博天海东方新中卓越明佳诚和百利"
_CN_SECOND = "丰达通源科润泽诚汇锐腾跃辉捷峰宇创联特盈悦翔景康邦晟凌拓睿佑"
_CN_TRADES: dict[str, tuple[str, ...]] = {
    "Machinery": ("机械", "机电设备", "自动化设备", "精密机械"),
    "Electronics": ("电子科技", "电子元件", "光电科技", "半导体"),
    "Chemicals": ("化工", "新材料", "精细化工"),
    "Textiles": ("纺织", "服饰", "针织"),
    "Food": ("食品", "粮油", "饮料"),
    "Building Materials": ("建材", "装饰材料", "陶瓷"),
    "Automotive": ("汽车零部件", "汽车配件", "车业"),
    "Packaging": ("包装制品", "纸业", "塑料制品"),
    "Medical Devices": ("医疗器械", "生物科技", "医疗科技"),
    "Metals": ("金属材料", "五金制品", "钢铁"),
    "Trading": ("贸易", "国际贸易", "进出口", "供应链管理"),
    "Energy": ("新能源科技", "电力设备", "电气"),
}
_CN_FORMS = ("有限公司",) * 8 + ("股份有限公司", "有限责任公司")

_DE_CITIES = ("Hamburg", "München", "Stuttgart", "Düsseldorf", "Leipzig", "Nürnberg", "Bremen")
_GB_CITIES = ("Leeds", "Birmingham", "Manchester", "Bristol", "Sheffield", "Glasgow", "Reading")
_US_CITIES = ("Chicago", "Houston", "Cleveland", "Atlanta", "Seattle", "Columbus", "Charlotte")
_JP_CITIES = ("東京", "大阪", "名古屋", "横浜", "神戸", "福岡")

_DE_NAMES = (
    "Brandt Keller Lindner Vogel Hartmann Seidel Winkler Krämer Ziegler Busch Albers Dietrich "
    "Fromm Gerlach Hansen Jansen Köster Lorenz Meißner Naumann Ostermann Pohl Reimann Sander"
).split()
_DE_TRADES: dict[str, str] = {
    "Machinery": "Maschinenbau",
    "Electronics": "Elektronik",
    "Chemicals": "Chemie",
    "Textiles": "Textil",
    "Food": "Lebensmittel",
    "Building Materials": "Baustoffe",
    "Automotive": "Fahrzeugteile",
    "Packaging": "Verpackungen",
    "Medical Devices": "Medizintechnik",
    "Metals": "Metallbau",
    "Trading": "Handels",
    "Energy": "Energietechnik",
}
_EN_NAMES = (
    "Ashford Blackwell Carver Dunmore Ellison Fairbank Garland Hollis Ironwood Kendrick Lockwood "
    "Marlow Northgate Oakley Pemberton Quayle Redfern Stanton Thornbury Underhill Wexley Yardley"
).split()
_EN_TRADES: dict[str, str] = {
    "Machinery": "Machine Tools",
    "Electronics": "Electronics",
    "Chemicals": "Chemicals",
    "Textiles": "Textiles",
    "Food": "Foods",
    "Building Materials": "Building Supplies",
    "Automotive": "Auto Parts",
    "Packaging": "Packaging",
    "Medical Devices": "Medical",
    "Metals": "Metals",
    "Trading": "Trading",
    "Energy": "Power Systems",
}
_JP_NAMES = (
    "山田 高橋 中村 小林 松本 清水 森田 石川 長谷川 藤井 岡本 三浦 和田 上田 原田 竹内 中野 小川"
).split()
_JP_TRADES: dict[str, str] = {
    "Machinery": "機械",
    "Electronics": "電子",
    "Chemicals": "化学",
    "Textiles": "繊維",
    "Food": "食品",
    "Building Materials": "建材",
    "Automotive": "自動車部品",
    "Packaging": "包装",
    "Medical Devices": "医療機器",
    "Metals": "金属",
    "Trading": "商事",
    "Energy": "電機",
}

REPS: tuple[tuple[str, str], ...] = (
    ("李娜", "Li Na"),
    ("王磊", "Wang Lei"),
    ("张敏", "Zhang Min"),
    ("刘洋", "Liu Yang"),
    ("陈静", "Chen Jing"),
    ("杨帆", "Yang Fan"),
    ("赵倩", "Zhao Qian"),
    ("黄伟", "Huang Wei"),
    ("周婷", "Zhou Ting"),
    ("吴昊", "Wu Hao"),
    ("徐莉", "Xu Li"),
    ("孙鹏", "Sun Peng"),
)
"""Sales reps, Chinese and English name."""


_CN_FAMILY = ("陈", "李", "刘", "王", "吴", "徐", "杨", "张", "赵", "周")
_CN_GIVEN = ("芳", "刚", "静", "军", "磊", "丽", "敏", "强", "伟", "勇", "婷")
_EN_FAMILY = ("Baker", "Clark", "Evans", "Fischer", "Klein", "Moore", "Sato", "Turner", "Weber")
_EN_GIVEN = ("Alex", "Anna", "Chris", "Emma", "Jan", "Kim", "Laura", "Max", "Nina", "Tom")


def contact(number: int, country: str) -> tuple[str, str]:
    """First and last name of a person; the same for the same ``number``."""
    chinese = country == "CN"
    given, family = (_CN_GIVEN, _CN_FAMILY) if chinese else (_EN_GIVEN, _EN_FAMILY)
    return given[number % len(given)], family[number // len(given) % len(family)]


def chinese_brand(rng: Random) -> str:
    """Two or, seldom, three characters."""
    middle = rng.choice(_CN_SECOND) if rng.random() < 0.15 else ""
    return rng.choice(_CN_FIRST) + middle + rng.choice(_CN_SECOND)


def chinese_company(rng: Random, city: str, industry: str, brand: str) -> str:
    """Region + brand + trade + form."""
    return f"{city}{brand}{rng.choice(_CN_TRADES[industry])}{rng.choice(_CN_FORMS)}"


def chinese_group(city: str, brand: str) -> str:
    """The company at the top of a group."""
    return f"{city}{brand}集团有限公司"


def sole_trader(rng: Random, city: str, industry: str) -> str:
    """A 个体工商户, which has no company form."""
    brand = chinese_brand(rng)
    return f"{city}{brand}{rng.choice(_CN_TRADES[industry])}{rng.choice(('商行', '经营部'))}"


def _german(rng: Random, industry: str, brand: str) -> str:
    return f"{brand} {_DE_TRADES[industry]} {rng.choice(('GmbH', 'GmbH', 'GmbH & Co. KG', 'AG'))}"


def _british(rng: Random, industry: str, brand: str) -> str:
    return f"{brand} {_EN_TRADES[industry]} {rng.choice(('Ltd', 'Ltd', 'Limited', 'plc'))}"


def _american(rng: Random, industry: str, brand: str) -> str:
    return f"{brand} {_EN_TRADES[industry]} {rng.choice(('Inc.', 'LLC', 'Corp.'))}"


def _japanese(rng: Random, industry: str, brand: str) -> str:
    trade = _JP_TRADES[industry]
    return f"株式会社{brand}{trade}" if rng.random() < 0.4 else f"{brand}{trade}株式会社"


_FOREIGN: dict[str, tuple[tuple[str, ...], list[str], Callable[[Random, str, str], str]]] = {
    "DE": (_DE_CITIES, _DE_NAMES, _german),
    "GB": (_GB_CITIES, _EN_NAMES, _british),
    "US": (_US_CITIES, _EN_NAMES, _american),
    "JP": (_JP_CITIES, _JP_NAMES, _japanese),
}


def foreign_city(rng: Random, country: str) -> str:
    """A city of ``country``."""
    return rng.choice(_FOREIGN[country][0])


def foreign_brand(rng: Random, country: str) -> str:
    """One family name or two."""
    names = _FOREIGN[country][1]
    joint = "" if country == "JP" else " & "
    first, second = rng.sample(names, 2)
    return f"{first}{joint}{second}" if rng.random() < 0.5 else first


def foreign_company(rng: Random, country: str, industry: str, brand: str) -> str:
    """A name in the way of ``country``."""
    return _FOREIGN[country][2](rng, industry, brand)


def foreign_group(country: str, brand: str) -> str:
    """The company at the top of a group."""
    form = {"DE": "Holding GmbH", "GB": "Holdings plc", "US": "Holdings Inc."}
    return f"{brand}ホールディングス株式会社" if country == "JP" else f"{brand} {form[country]}"
