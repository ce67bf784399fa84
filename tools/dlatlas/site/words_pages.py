"""Words of the pages beside the topics, as (English, Chinese)."""

from __future__ import annotations

PAGE_WORDS: dict[str, tuple[str, str]] = {
    "map": ("What builds on what", "知识脉络"),
    "map-told": (
        "Each box is a topic; lines lead from what you need to what it opens. A filled box has a verified implementation. "
        "Tab leads into the map, the arrow keys move along its lines, Enter opens a topic.",
        "每个方框是一个主题，连线从前置通向后续；实底方框已有经过验证的实现。按 Tab 进入脉络图，方向键沿连线移动，回车打开主题。",
    ),
    "methods-speed-note": (
        "Speed is our time over that of the alternative named beside it "
        "(forward, CPU, not compiled; geometric mean over the measured cases): below 1 is faster. "
        "The error is the largest one recorded in float64.",
        "速度一栏是本实现用时与旁边所列对照之比（前向、CPU、未编译，取各测例的几何平均），小于 1 即更快。误差是 float64 下记录到的最大值。",
    ),
    "link-health": ("Link health", "链接状况"),
    "link-health-intro": (
        "Reading lists rot. A checker visits every address of the catalog each week; this page says what it found last.",
        "资料清单会慢慢失效。检查程序每周访问目录中的每个地址，本页列出最近一次的结果。",
    ),
    "link-health-none": (
        "Nothing has been checked yet in this build: it holds {n} links and no result of a check (dlatlas links check).",
        "这次构建还没有任何检查结果：目录共有 {n} 个链接，尚未运行检查（dlatlas links check）。",
    ),
    "link-health-when": ("{n} of {all} links checked, last on {date}.", "{all} 个链接中已检查 {n} 个，最近一次在 {date}。"),
    "link-health-trouble": ("Links that need attention", "需要留意的链接"),
    "links-count-head": ("Links", "链接数"),
    "verdict": ("Verdict", "结论"),
    "work": ("Work", "资料"),
    "address": ("Address", "地址"),
    "reason": ("Reason", "原因"),
    "since": ("Since", "始于"),
    "verdict-ok": ("works", "正常"),
    "verdict-moved": ("moved", "已迁移"),
    "verdict-gone": ("gone", "已失效"),
    "verdict-blocked": ("answers only to browsers", "只应答浏览器"),
    "verdict-broken-tls": ("broken certificate", "证书有误"),
    "verdict-unreachable": ("no answer", "无应答"),
    "verdict-opaque": ("short link, not judged", "短链接，不作判断"),
    "verdict-unknown": ("unknown", "未知"),
    "changes": ("What changed", "最近更新"),
    "changes-intro": ("New works in the catalog and changes of the atlas itself.", "目录中新增的资料，以及图谱本身的改动。"),
    "changes-more": ("{n} more works are in the feed.", "订阅源中还有 {n} 份资料。"),
    "feed": ("Follow it as an Atom feed.", "可用 Atom 订阅。"),
    "new-works": ("New works", "新增资料"),
    "changelog": ("Changelog", "更新日志"),
    "contributing": ("Contribute", "参与贡献"),
    "guide-intro": ("How to add a work, a method or a claim, and how to report an error.", "怎样添加资料、方法或论断，以及怎样报告错误。"),
    "timeline-page": ("Timeline", "年表"),
    "timeline-intro": ("The works to read first in every area, along the years.", "各领域应先读的资料，按年份排列。"),
    "api-reference": ("API reference", "接口参考"),
    "api-intro": (
        "Every public name of the reference implementations with the topic that documents it, "
        "and the part of the dlatlas library that other programs may import.",
        "参考实现的全部公开名称及其说明所在的主题，以及其他程序可以导入的 dlatlas 库接口。",
    ),
    "api-methods": ("Reference implementations", "参考实现"),
    "api-library": ("The library", "程序库"),
    "module": ("Module", "模块"),
    "names": ("Names", "名称"),
    "numbers": ("The site in numbers", "站点数据"),
    "numbers-intro": (
        "How the build of this site grows with the catalog, and what its checks in a browser measured. "
        "Both tables come from recorded runs.",
        "本站的构建如何随目录增长，以及浏览器检查测得的结果。两张表都来自运行记录。",
    ),
    "scale": ("Scale", "规模"),
    "scale-intro": (
        "Synthetic catalogs of growing size, built in full: both languages, formulas, search index, checks. "
        "Memory is that of all processes at one time, what they share counted once. The first result is timed from the last "
        "letter typed, in a browser that has never seen the site; an edit, from the saved file to the new page in the preview.",
        "用不同规模的合成目录完整构建：两种语言、公式、搜索索引与检查。内存是同一时刻全部进程之和，共享的部分只计一次。"
        "首条搜索结果从敲下最后一个字母算起，浏览器此前从未访问过本站；修改则从保存文件算到预览中出现新页面。",
    ),
    "pages": ("Pages", "页面"),
    "build-time": ("Build", "构建"),
    "per-page": ("A page", "每页"),
    "memory": ("Memory, at most", "内存峰值"),
    "first-result": ("First search result", "首条搜索结果"),
    "edit-shows": ("An edit shows after", "修改后多久可见"),
    "gates": ("Gates", "关卡"),
    "gates-intro": (
        "What must hold before a change lands, tried on the built site in Chromium, served compressed from a folder below the root.",
        "改动合入之前必须成立的各项，在 Chromium 中对构建好的站点逐一检验；站点经压缩，由根目录下的子目录提供。",
    ),
    "gate": ("Gate", "关卡"),
    "looked-at": ("Looked at", "检查对象"),
    "problems": ("Problems", "问题"),
    "seconds": ("Seconds", "秒"),
    "gate-links": ("Internal links and anchors", "内部链接与锚点"),
    "gate-markup": ("Valid HTML", "HTML 合乎标准"),
    "gate-accessibility": ("Accessibility (axe), light and dark", "无障碍（axe），浅色与深色"),
    "gate-keyboard": ("Paths by keyboard", "键盘操作路径"),
    "gate-weight": ("Transfer of the heaviest topic page", "最重的主题页的传输量"),
    "gate-demonstrations": ("Live demonstrations, started and used with the keyboard", "交互演示：用键盘启动并操作"),
    "gate-visit": ("Every page loads and fits a phone", "每一页都能载入，且在手机上不超宽"),
    "gate-foreign-requests": ("No request to a foreign host", "不向外部主机发请求"),
    "gate-console": ("No error on the console", "控制台无错误"),
    "gate-lighthouse": ("Lighthouse: performance, accessibility, best practices, SEO", "Lighthouse：性能、无障碍、最佳实践、SEO"),
    "missing-search": ("Search the atlas", "搜索图谱"),
}
"""Merged into :data:`dlatlas.site.strings.WORDS`."""
