"""Texts that would like to be more than text, wherever somebody else writes them: ids, titles, labels, names."""

from __future__ import annotations

HOSTILE = [
    "<script>window.hurt = 1</script>",
    "</script><script>window.hurt = 2</script>",
    '<img src="https://evil.example/a.png" onerror="window.hurt = 3">',
    '"><svg onload="window.hurt = 4"><style>@import "https://evil.example/a.css";</style>',
    "[go](javascript:window.hurt=5) <javascript:window.hurt=5>",
    "![x](https://evil.example/b.png) [x](https://evil.example/) https://evil.example www.evil.example",
    "[a]: https://evil.example/c.png '![a]' ![a]",
    "` `` ``` </code> | a | \n\n# head\n\n<iframe src='https://evil.example/'></iframe>",
    "&lt;script&gt;window.hurt = 6&lt;/script&gt; &#60;img src=x onerror=window.hurt=7&#62;",
    "{{ 7 * 7 }} ${7 * 7} {% raw %} \u2028 \x00 -->",
    "<link rel=stylesheet href=https://evil.example/d.css><base href=https://evil.example/>",
    "<details open ontoggle=window.hurt=8><a href='data:text/html,<script>window.hurt=9</script>'>x</a>",
]
