"""The words of the live demonstrations, in both languages: (English, Chinese) by key."""

from __future__ import annotations

Words = dict[str, tuple[str, str]]

SHARED: Words = {
    "start": ("Start ({size} MB)", "启动（{size} MB）"),
    "loading": ("Loading …", "正在加载……"),
    "ready": ("Ready.", "已就绪。"),
    "failed": ("It could not be started:", "无法启动："),
    "no-script": (
        "The demonstration needs JavaScript. In a clone of the repository, {command} shows how it was trained.",
        "演示需要 JavaScript。在仓库的克隆中，{command} 给出它的训练方法。",
    ),
    "proof": (
        "This runs the reference implementation itself, exported from PyTorch to ONNX ({size} kB), in your browser; nothing is sent "
        "anywhere. On {inputs} random inputs its outputs differ from the Python module's by at most {error} ({runtime}, {date}).",
        "这里运行的正是参考实现：从 PyTorch 导出为 ONNX（{size} kB），在你的浏览器中执行，不发送任何数据。"
        "对 {inputs} 组随机输入，它的输出与 Python 模块最多相差 {error}（{runtime}，{date}）。",
    ),
    "stale": ("Made with an earlier version of the code.", "由较早版本的代码生成。"),
}

INTRO: Words = {
    "activations": (
        "Choose a function and move the point: the tangent shows how much gradient passes. Then shift and stretch the inputs "
        "and watch where the outputs pile up and how many units stop learning.",
        "选一个函数，移动点：切线表示有多少梯度能通过。再平移、拉伸输入分布，看输出堆积在哪里，又有多少单元不再学习。",
    ),
    "normalization": (
        "Each dot is an example with two features. Training normalizes with the batch's own statistics (filled dots), evaluation "
        "with the running averages (rings): draw batches until the two agree, then make the batches small.",
        "每个点是一个有两个特征的样本。训练时用这一批自己的统计量归一化（实心点），评估时用滑动平均（圆圈）："
        "多抽几批，直到两者一致，再把批大小调小看看。",
    ),
    "dropout": (
        "One mask over 64 units on the left; on the right the sum w·x under a thousand masks. The line marks evaluation. "
        "Compare the measured mean and variance with what the equations predict.",
        "左边是 64 个单元上的一个掩码，右边是一千个掩码下的和 w·x，竖线是评估时的值。把实测的均值和方差与公式的预测比一比。",
    ),
    "digits": (
        "Draw a digit, or choose one. LeNet-5 was trained in {seconds:.0f} seconds on 1,437 images of 8×8 pixels and reads "
        "{accuracy:.1%} of {tested:.0f} others by the same writers rightly. Its last hidden layer draws what it believes: "
        "84 units, compared with a fixed code for each digit.",
        "画一个数字，或选一个。这个 LeNet-5 用 1437 张 8×8 的图像训练了 {seconds:.0f} 秒，"
        "在同一批人写的另外 {tested:.0f} 张上准确率为 {accuracy:.1%}。"
        "它最后一个隐藏层会“画”出自己的答案：84 个单元，与每个数字的固定编码相比较。",
    ),
    "characters": (
        "Type, and watch 64 units read along: one column for each character. The model was trained in {seconds:.0f} seconds on "
        "50,000 characters of this site's own texts; it needs {learned_bits:.2f} bits a character on them and {held_out_bits:.2f} on texts "
        "that it has not seen, so do not expect much sense.",
        "输入英文，看 64 个单元逐字阅读：每个字符一列。模型用本站自己的 5 万字符英文训练了 {seconds:.0f} 秒；"
        "在训练文本上每字符 {learned_bits:.2f} 比特，在没见过的文本上 {held_out_bits:.2f} 比特，所以别指望它写出通顺的话。",
    ),
    "sorting": (
        "Type a word: two layers of attention, the first with two heads, put its letters in alphabetical order. In the first, letters "
        "look at each other to learn their ranks; in the second, each place of the answer looks for its letter. Of {tested:.0f} random "
        "words of 2 to 10 letters, {sorted_share:.1%} are sorted without a mistake.",
        "输入一个英文单词：两层注意力（第一层有两个头）把它的字母按字母表排序。第一层里字母彼此打量，得知各自的名次；第二层里答案的每个位置去找属于它的字母。"
        "在 {tested:.0f} 个 2 至 10 个字母的随机单词中，{sorted_share:.1%} 排得完全正确。",
    ),
    "wasserstein": (
        "A generator turns two random numbers into a point; the goal is the ring of eight small clusters. Follow the training of WGAN-GP, "
        "then compare with a plain GAN trained just as long. Colors show which noise goes where; move z₁ and z₂ to see how it crosses "
        "the gaps between clusters.",
        "生成器把两个随机数变成一个点，目标是由八个小簇组成的环。先看 WGAN-GP 的训练过程，再与训练步数相同的普通 GAN 比较。"
        "颜色表示噪声的去向；移动 z₁ 和 z₂，看它怎样跨过簇与簇之间的空隙。",
    ),
}

DEMONSTRATIONS: dict[str, Words] = {
    "activations": {
        "function": ("Function", "函数"),
        "parameter": ("Its parameter", "函数的参数"),
        "x": ("x", "x"),
        "mean": ("Mean of the inputs", "输入的均值"),
        "deviation": ("Standard deviation of the inputs", "输入的标准差"),
        "curve": ("f (solid), f′ (dashed) and the tangent at x", "f（实线）、f′（虚线）与 x 处的切线"),
        "inputs": ("2,000 inputs", "2000 个输入"),
        "outputs": ("Their outputs", "对应的输出"),
        "point": ("f({x}) = {y}, f′({x}) = {slope}", "f({x}) = {y}，f′({x}) = {slope}"),
        "spread": (
            "Outputs: mean {mean}, standard deviation {deviation}; |f′| is below 0.01 for {flat} % of the inputs.",
            "输出：均值 {mean}，标准差 {deviation}；{flat}% 的输入处 |f′| 小于 0.01。",
        ),
    },
    "normalization": {
        "mean": ("Mean of the first feature", "第一个特征的均值"),
        "deviation": ("Spread", "离散程度"),
        "correlation": ("Correlation", "相关系数"),
        "size": ("Batch size", "批大小"),
        "next": ("Next batch", "下一批"),
        "twenty": ("Twenty batches", "连抽二十批"),
        "reset": ("Forget the averages", "清除滑动平均"),
        "before": ("The batch", "这一批样本"),
        "after": ("Normalized: training (dots), evaluation (rings)", "归一化之后：训练（实心点）、评估（圆圈）"),
        "batch": ("{count} examples", "{count} 个样本"),
        "running": (
            "Batches so far: {batches}; running mean {mean}; running variance {variance}",
            "已抽 {batches} 批；滑动均值 {mean}；滑动方差 {variance}",
        ),
    },
    "dropout": {
        "p": ("p, the probability of dropping", "p，丢弃概率"),
        "form": ("Form", "形式"),
        "inverted": ("inverted: scaled in training", "反向缩放：训练时放大"),
        "original": ("original: scaled in evaluation", "原始形式：评估时缩小"),
        "again": ("New masks", "换一批掩码"),
        "mask": ("The units under one mask", "一个掩码下的单元"),
        "sums": ("Sums under 1,000 masks, and in evaluation (line)", "1000 个掩码下的和，以及评估时的值（竖线）"),
        "kept": ("{kept} of {units} units kept", "{units} 个单元中保留了 {kept} 个"),
        "measured": (
            "Mean {mean}, in evaluation {evaluated}; variance {variance}, predicted {predicted}",
            "均值 {mean}，评估时 {evaluated}；方差 {variance}，公式预测 {predicted}",
        ),
    },
    "digits": {
        "pad": ("Drawing pad.", "手写板。"),
        "hint": (
            "Draw with a pointer, or with the arrow keys; space lowers and lifts the pen.",
            "用指针书写，或用方向键移动，空格键落笔和提笔。",
        ),
        "draw": ("Draw here", "在这里画"),
        "clear": ("Clear", "清除"),
        "examples": ("Test images", "测试图像"),
        "seen": ("Reduced to 8×8", "缩成 8×8"),
        "penalties": ("Penalty of each digit; the smallest wins", "每个数字的惩罚，最小者胜出"),
        "answer": (
            "It reads {digit} (penalty {penalty}); {second} comes next ({other}).",
            "答案是 {digit}（惩罚 {penalty}），其次是 {second}（{other}）。",
        ),
        "blank": ("Nothing is drawn yet.", "还没有画。"),
        "map": ("{layer}, map {k}", "{layer}，第 {k} 个特征图"),
        "c1": ("C1: convolution", "C1：卷积"),
        "s2": ("S2: subsampling", "S2：下采样"),
        "c3": ("C3: convolution", "C3：卷积"),
        "s4": ("S4: subsampling", "S4：下采样"),
        "f6": ("F6: the 84 units", "F6：84 个单元"),
        "code": ("The code of the answer", "答案的编码"),
    },
    "characters": {
        "text": ("Text (Latin letters)", "文本（拉丁字母）"),
        "more": ("Let it go on", "让它接着写"),
        "kind": ("Show", "显示"),
        "new_c": ("cell state c", "单元状态 c"),
        "new_h": ("hidden state h", "隐藏状态 h"),
        "input": ("input gate i", "输入门 i"),
        "forget": ("forget gate f", "遗忘门 f"),
        "candidate": ("candidate g", "候选值 g"),
        "output": ("output gate o", "输出门 o"),
        "unit": ("Unit to follow", "跟踪的单元"),
        "at": ("Character", "字符"),
        "word": (
            "Unit {unit} counts the letters of a word (correlation {correlation})",
            "单元 {unit} 数单词里的字母（相关系数 {correlation}）",
        ),
        "inside": ("Unit {unit} notices parentheses (correlation {correlation})", "单元 {unit} 留意括号（相关系数 {correlation}）"),
        "heat": ("All units, one column for each character", "全部单元，每个字符一列"),
        "trace": ("The unit that you follow", "被跟踪的单元"),
        "next": ("What it expects next", "它预计的下一个字符"),
        "guess": (
            "After “{character}” it expects “{next}” with {chance} %.",
            "读到“{character}”后，它预计下一个是“{next}”，概率 {chance}%。",
        ),
    },
    "sorting": {
        "word": ("Word of up to ten letters", "不超过十个字母的单词"),
        "head": ("Head of the first layer", "第一层的注意力头"),
        "start": ("start", "起始"),
        "ranks": ("First layer: letters look at letters (%)", "第一层：字母看字母（%）"),
        "choices": ("Second layer: places look for letters (%)", "第二层：位置找字母（%）"),
        "ranks-caption": ("Weights of the first layer, a row for each letter that looks", "第一层的权重，每行是一个发问的字母"),
        "choices-caption": ("Weights of the second layer, a row for each place of the answer", "第二层的权重，每行是答案的一个位置"),
        "right": ("{word} → {sorted}", "{word} → {sorted}"),
        "wrong": ("{word} → {sorted}, which is not quite right", "{word} → {sorted}，并不完全正确"),
        "empty": ("Type a letter from a to z.", "请输入 a 到 z 的字母。"),
    },
    "wasserstein": {
        "model": ("Generator", "生成器"),
        "stage": ("WGAN-GP after {step} steps", "WGAN-GP，训练 {step} 步"),
        "gan": ("GAN after {step} steps", "GAN，训练 {step} 步"),
        "again": ("New noise", "换一批噪声"),
        "noise": ("Noise", "噪声"),
        "generated": ("Generated points", "生成的点"),
        "one": ("({z}) → ({x})", "({z}) → ({x})"),
        "all": (
            "{modes} of {of} clusters covered; {share} % of the points lie in one.",
            "覆盖了 {of} 个簇中的 {modes} 个；{share}% 的点落在簇内。",
        ),
    },
}
