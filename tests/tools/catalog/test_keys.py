"""One table of addresses and the key that each must get, and the properties of keys."""

from __future__ import annotations

import pytest
from dlatlas.catalog.keys import canonical, identify, isbn13
from hypothesis import given
from hypothesis import strategies as st

VECTORS = {
    "arxiv:1412.6980": [
        "https://arxiv.org/abs/1412.6980",
        "http://arxiv.org/abs/1412.6980v9",
        "https://arxiv.org/pdf/1412.6980",
        "https://arxiv.org/pdf/1412.6980.pdf",
        "https://arxiv.org/pdf/1412.6980v9.pdf",
        "https://www.arxiv.org/pdf/1412.6980v9",
        "https://arxiv.org/html/1412.6980v9",
        "https://arxiv.org/abs/1412.6980/",
        "http://cn.arxiv.org/abs/1412.6980",
        "https://export.arxiv.org/abs/1412.6980",
        "http://xxx.itp.ac.cn/abs/1412.6980",
        "http://xxx.lanl.gov/abs/1412.6980",
        "http://xxx.tau.ac.il/pdf/1412.6980v1",
        "https://arxiv.org/abs/1412.6980?context=cs",
        "https://arxiv.org/abs/1412.6980#",
        "https://arxiv.org//abs//1412.6980",
        "https://ar5iv.labs.arxiv.org/html/1412.6980",
        "https://ar5iv.org/abs/1412.6980",
        "https://www.arxiv-vanity.com/papers/1412.6980/",
        "https://doi.org/10.48550/arXiv.1412.6980",
        "10.48550/arxiv.1412.6980",
        "doi:10.48550/ARXIV.1412.6980",
        "arXiv:1412.6980v2",
        "arxiv: 1412.6980",
        "1412.6980",
        " 1412.6980v3 ",
        "arxiv.org/abs/1412.6980",
        "https://web.archive.org/web/20190101000000/https://arxiv.org/abs/1412.6980",
    ],
    "arxiv:cond-mat/9901212": [
        "http://cn.arxiv.org/abs/cond-mat/9901212",
        "https://arxiv.org/pdf/cond-mat/9901212v1.pdf",
        "cond-mat/9901212",
    ],
    "arxiv:math/0309136": ["https://arxiv.org/abs/math.GT/0309136", "math/0309136v2", "arXiv:math.GT/0309136"],
    "doi:10.1038/nature14539": [
        "https://doi.org/10.1038/nature14539",
        "http://dx.doi.org/10.1038/NATURE14539",
        "doi:10.1038/Nature14539",
        "10.1038/nature14539",
        "https://www.doi.org/10.1038%2Fnature14539",
    ],
    "doi:10.1162/neco.1997.9.8.1735": [
        "https://www.mitpressjournals.org/doi/abs/10.1162/neco.1997.9.8.1735?journalCode=neco",
        "https://dx.doi.org/10.1162/neco.1997.9.8.1735",
    ],
    "doi:10.1137/1.9780898717761": ["https://epubs.siam.org/doi/book/10.1137/1.9780898717761"],
    "doi:10.1007/s11263-015-0816-y": [
        "https://link.springer.com/article/10.1007/s11263-015-0816-y",
        "http://doi.org/10.1007/s11263-015-0816-y/",
    ],
    "github:redditsota/state-of-the-art-result-for-machine-learning-problems": [
        "https://github.com//RedditSota/state-of-the-art-result-for-machine-learning-problems",
        "https://github.com/RedditSota/state-of-the-art-result-for-machine-learning-problems.git",
        "http://www.github.com/redditsota/State-Of-The-Art-Result-For-Machine-Learning-Problems/",
        "git@github.com:RedditSota/state-of-the-art-result-for-machine-learning-problems.git",
        "git+https://github.com/RedditSota/state-of-the-art-result-for-machine-learning-problems.git",
        "github:RedditSota/state-of-the-art-result-for-machine-learning-problems",
        "https://github.com/RedditSota/state-of-the-art-result-for-machine-learning-problems/tree/master",
        "https://github.com/RedditSota/state-of-the-art-result-for-machine-learning-problems#readme",
    ],
    "github:signalogic/sigdl": ["https://github.com/signalogic/SigDL#DeepLearningModelCompression"],
    "github:ikmlab/skipgram/blob/master/Skip-Gram%20Practice.ipynb": [
        "https://github.com/IKMLab/skipgram/blob/master/Skip-Gram%20Practice.ipynb",
        "https://raw.githubusercontent.com/IKMLab/skipgram/master/Skip-Gram Practice.ipynb",
    ],
    "github:yenlung/deep-learning-mooc/blob/master/04-1.%20%E7%94%A8RNN%E5%81%9A%E6%83%85%E6%84%8F%E5%88%86%E6%9E%90.ipynb": [
        "https://github.com/yenlung/Deep-Learning-MOOC/blob/master/04-1.%20%E7%94%A8RNN%E5%81%9A%E6%83%85%E6%84%8F%E5%88%86%E6%9E%90.ipynb",
        "https://github.com/yenlung/deep-learning-mooc/blob/master/04-1. 用RNN做情意分析.ipynb",
    ],
    "zhihu.com/question/22553761#answer-9961552": ["https://www.zhihu.com/question/22553761#answer-9961552"],
    "zhihu.com/question/22553761": ["https://www.zhihu.com/question/22553761?from=profile#top", "http://zhihu.com/question/22553761/"],
    "zhihu.com/question/22553761/answer/126474394": ["https://www.zhihu.com/question/22553761/answer/126474394?utm_source=wechat_session"],
    "zhuanlan.zhihu.com/p/27642620": ["https://zhuanlan.zhihu.com/p/27642620", "http://zhuanlan.zhihu.com/p/27642620/?group_id=868"],
    "mp.weixin.qq.com/s?__biz=MzIwOTc2MTUyMg%3D%3D&idx=1&mid=2247489258&sn=aa6690482375bdad09cdbca80ed06068": [
        "https://mp.weixin.qq.com/s?__biz=MzIwOTc2MTUyMg==&mid=2247489258&idx=1&sn=aa6690482375bdad09cdbca80ed06068",
        "http://mp.weixin.qq.com/s?mid=2247489258&__biz=MzIwOTc2MTUyMg%3d%3d&idx=1&sn=aa6690482375bdad09cdbca80ed06068&chksm=97&scene=21#wechat_redirect",
    ],
    "dashee87.github.io/deep%20learning/visualising-activation-functions-in-neural-networks": [
        "https://dashee87.github.io/deep%20learning/visualising-activation-functions-in-neural-networks/",
        "http://dashee87.github.io/deep learning/visualising-activation-functions-in-neural-networks",
    ],
    "openreview:B1QRgziT-": [
        "https://openreview.net/forum?id=B1QRgziT-&noteId=BkxnM1TrM",
        "https://openreview.net/pdf?id=B1QRgziT-",
        "openreview:B1QRgziT-",
    ],
    "citeseerx:10.1.1.57.5612": [
        "http://citeseerx.ist.psu.edu/viewdoc/download?doi=10.1.1.57.5612&rep=rep1&type=pdf",
        "http://citeseerx.ist.psu.edu/viewdoc/summary?doi=10.1.1.57.5612",
    ],
    "blog.keras.io/the-limitations-of-deep-learning.html": [
        "https://link.zhihu.com/?target=https%3A//blog.keras.io/the-limitations-of-deep-learning.html",
        "https://blog.keras.io/the-limitations-of-deep-learning.html",
    ],
    "youtube:r6zZPn-6dPY": [
        "https://www.youtube.com/watch?time_continue=3&v=r6zZPn-6dPY",
        "https://youtu.be/r6zZPn-6dPY?t=3",
        "https://www.youtube.com/embed/r6zZPn-6dPY",
        "https://m.youtube.com/watch?v=r6zZPn-6dPY&feature=youtu.be",
    ],
    "youtube:lfHX2hHRMVQ": ["https://www.youtube.com/watch?v=lfHX2hHRMVQ&index=2&list=PL7-jPKtc4r78-wCZcQn5IqyuWhBZ8fOxT"],
    "youtube-list:PL3FW7Lu3i5JvHM8ljYj-zLfQRF3EO8sYv": ["https://www.youtube.com/playlist?list=PL3FW7Lu3i5JvHM8ljYj-zLfQRF3EO8sYv"],
    "docs.google.com/presentation/d/14jJL6MR2uf4CD7PmsgMtivX8WfK-QMdKdwrLEYH9qDA": [
        "https://docs.google.com/presentation/d/14jJL6MR2uf4CD7PmsgMtivX8WfK-QMdKdwrLEYH9qDA/edit#slide=id.g22c42edce6_0_644",
    ],
    "cocodataset.org": ["http://cocodataset.org/#home", "https://cocodataset.org"],
    "cocodataset.org#detections-leaderboard": ["http://cocodataset.org/#detections-leaderboard"],
    "aiden.nibali.org/blog/2017-01-18-mode-collapse-gans": [
        "http://aiden.nibali.org/blog/2017-01-18-mode-collapse-gans/#fn:imprgan",
        "http://aiden.nibali.org/blog/2017-01-18-mode-collapse-gans/#fn:unrolled",
    ],
    "adeshpande3.github.io/adeshpande3.github.io/A-Beginner's-Guide-To-Understanding-Convolutional-Neural-Networks": [
        "https://adeshpande3.github.io/adeshpande3.github.io/A-Beginner%27s-Guide-To-Understanding-Convolutional-Neural-Networks/",
    ],
    "eettaiwan.com/news/article/20180410NT01-Are-We-Short-of-Deep-Learning-Experts": [
        "https://www.eettaiwan.com/news/article/20180410NT01-Are-We-Short-of-Deep-Learning-Experts?utm_source=EETT%20Article%20Alert&utm_medium=Email&utm_campaign=2018-04-12",
    ],
    "robots.ox.ac.uk/~vedaldi/research/idiu/idiu.html": [
        "https://www.robots.ox.ac.uk/~vedaldi//research/idiu/idiu.html",
        "https://robots.ox.ac.uk/%7Evedaldi/research/idiu/idiu.html",
    ],
    "gitee.com/kdldbq/verification-decoder": ["https://gitee.com/kdldbq/verification-decoder?from=weekmail"],
    "mchromiak.github.io/articles/2017/Sep/01/Primer-NN": ["https://mchromiak.github.io/articles/2017/Sep/01/Primer-NN/#.XBXb42h3hPY"],
    "dataunion.org?p=5395": ["http://dataunion.org/?p=5395"],
    "example.org/a/b": [
        "HTTP://WWW.Example.ORG:80/a//b/?utm_id=1#top",
        "https://example.org:443/a/./c/../b",
        "example.org/a/b",
        "https://example.org./a/b/index.html",
        "https://example.org/a/b;jsessionid=0AF?spm=a2c4e.1",
    ],
    "example.org:8080/A": ["http://example.org:8080/A/"],
    "example.org#/route/2": ["https://example.org/#/route/2"],
    "example.org#!page": ["https://example.org/#!page"],
    "ftp://ftp.example.org/a.pdf": ["ftp://ftp.example.org/a.pdf"],
    "en.wikipedia.org/wiki/Hopfield_network": [
        "https://en.m.wikipedia.org/wiki/Hopfield_network",
        "http://en.wikipedia.org/wiki/Hopfield%20network",
    ],
    "zh.wikipedia.org/wiki/%E6%84%9F%E7%9F%A5%E5%99%A8": [
        "https://zh.wikipedia.org/zh-hans/感知器",
        "https://zh.wikipedia.org/wiki/%e6%84%9f%e7%9f%a5%e5%99%a8",
    ],
    "nips:4824-imagenet-classification-with-deep-convolutional-neural-networks": [
        "https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks.pdf",
        "http://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
    ],
    "isbn:9780262035613": ["isbn:978-0-262-03561-3", "ISBN: 9780262035613", "0262035618", "isbn:0-262-03561-8"],
    "t.cn/RE4SKgt": ["http://t.cn/RE4SKgt"],
    "mailto:someone@example.org": ["mailto:someone@example.org"],
    "javascript:alert(1)": ["javascript:alert(1)"],
}


@pytest.mark.parametrize(("text", "key"), [(text, key) for key, texts in VECTORS.items() for text in texts])
def test_vectors(text: str, key: str) -> None:
    assert canonical(text) == key


def test_there_are_enough_vectors() -> None:
    assert sum(map(len, VECTORS.values())) >= 60


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://t.cn/RE4SKgt", "http://t.cn/RE4skgt"),
        ("https://github.com/a/b", "https://github.com/a/b/blob/master/x.py"),
        ("https://github.com/a/b/blob/master/X.py", "https://github.com/a/b/blob/master/x.py"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("https://example.org/?p=1", "https://example.org/?p=2"),
        ("http://example.org:8080/", "http://example.org/"),
        ("https://www.zhihu.com/question/1#answer-1", "https://www.zhihu.com/question/1#answer-2"),
        ("https://arxiv.org/list/cs.LG/recent", "https://arxiv.org/list/stat.ML/recent"),
        ("https://www.youtube.com/watch?v=abc", "https://www.youtube.com/watch?v=abd"),
        ("https://www.youtube.com/user/a", "https://www.youtube.com/user/b"),
    ],
)
def test_different_things_keep_different_keys(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "text", ["", "attention", "batch normalization", "剪枝", "u-net", "3.14", "a/b", "isbn:9780262035614", "0262035619", "1234"]
)
def test_words_are_not_addresses(text: str) -> None:
    assert identify(text) is None


@pytest.mark.parametrize("text", [text for texts in VECTORS.values() for text in texts])
def test_a_key_of_an_address_is_stable_under_scheme(text: str) -> None:
    """Keys that are host and path lead to themselves when taken as an address again."""
    key = canonical(text)
    if ":" not in key.split("/")[0] and not key.startswith("ftp"):
        assert canonical("https://" + key) == key


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(canonical(text), str)


@given(
    st.text(max_size=60),
    st.sampled_from(
        [
            "http://",
            "https://github.com/",
            "https://arxiv.org/abs/",
            "doi:",
            "http://[",
            "http://a:b@c:9/",
            "https://link.zhihu.com/?target=",
        ]
    ),
)
def test_no_address_breaks_it(tail: str, head: str) -> None:
    key = canonical(head + tail)
    assert isinstance(key, str)


def test_nested_forwarding_ends() -> None:
    text = "https://link.zhihu.com/?target=" * 5000 + "https://example.org"
    assert isinstance(canonical(text), str)


def test_isbn() -> None:
    assert isbn13("0-262-03561-8") == "9780262035613"
    assert isbn13("080442957X") == "9780804429573"
    assert isbn13("978-0-262-03561-4") is None
