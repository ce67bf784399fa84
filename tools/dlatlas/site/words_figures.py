"""Words of the figures, as (English, Chinese)."""

from __future__ import annotations

FIGURE_WORDS: dict[str, tuple[str, str]] = {
    "figure-note": (
        "Computed by {module} on {date} in {seconds} s; again: {command}",
        "由 {module} 于 {date} 计算，用时 {seconds} 秒；重算：{command}",
    ),
    "timeline": ("The works along the years", "文献年表"),
    "timeline-told": (
        "{n} dated works from {first} to {last}, one dot each; a full dot is a work to read first.",
        "{first} 年至 {last} 年的 {n} 份资料，一点代表一份；实心点是应先读的资料。",
    ),
    "timeline-keys": (" The arrow keys move from dot to dot.", "方向键可在各点之间移动。"),
    "figure-activations": ("All {n} functions and their derivatives", "全部 {n} 个函数及其导数"),
    "figure-activation-told": (
        "From {first} at x = −5 to {last} at x = 5; its derivative lies between {low} and {high}.",
        "在 x = −5 处为 {first}，在 x = 5 处为 {last}；导数介于 {low} 与 {high} 之间。",
    ),
    "figure-normalization": ("Which values share one mean and one variance", "哪些值共用一个均值与方差"),
    "figure-normalization-told": (
        "{n} of {all} values enter the statistics of the marked one.",
        "{all} 个值中有 {n} 个参与统计。",
    ),
    "figure-normalization-text": (
        "A batch of {examples} examples with {channels} channels and {positions} positions. Filled is every value that moves one output, "
        "that of the first example, the last channel and the first position: found from the gradient.",
        "一批数据：{examples} 个样本、{channels} 个通道、{positions} 个位置。取第一个样本、最后一个通道、第一个位置的输出，凡是"
        "能使它变化的输入都涂上颜色：由梯度求得。",
    ),
    "axis-channel": ("channel", "通道"),
    "axis-position": ("position", "位置"),
    "axis-example": ("example", "样本"),
    "figure-gates": ("The gates of an LSTM that has learned to keep a number", "学会记住一个数的 LSTM：各个门的开合"),
    "figure-gates-told": (
        "Asked {n} times for the number kept last ({answers}), the network says {said}; over fresh sequences it errs by "
        "{error} (root mean square). "
        "One row is one unit, one column one step; darker is larger, and a second color means below zero.",
        "共询问 {n} 次，应答为 {answers}，网络给出 {said}；在新的序列上均方根误差为 {error}。一行是一个单元，一列是一步；颜色越"
        "深值越大，另一种颜色表示负值。",
    ),
    "gate-number": ("number", "输入的数"),
    "gate-input": ("input gate", "输入门"),
    "gate-forget": ("forget gate", "遗忘门"),
    "gate-output": ("output gate", "输出门"),
    "gate-cell": ("cell", "细胞状态"),
    "gate-keep": ("keep", "记"),
    "gate-ask": ("ask", "问"),
    "figure-attention": ("Where one layer looks when it spells backwards", "倒写单词时，一层注意力看向哪里"),
    "figure-attention-told": (
        "Reads {read}, writes {written}; a row shows where each letter written comes from.",
        "读入 {read}，写出 {written}；每一行表示写出的字母取自何处。",
    ),
    "figure-attention-text": (
        "Letters that are read stand above, letters that are written on the left. Trained on random letters, it writes "
        "{accuracy} of those in fresh words right.",
        "上方是读入的字母，左侧是写出的字母。网络用随机字母训练，在新的单词上写对了 {accuracy} 的字母。",
    ),
    "figure-landscape": ("The loss around a trained network", "训练所得网络周围的损失"),
    "figure-landscape-told": (
        "Loss {loss} in the middle, up to {highest} at the edge; test accuracy {accuracy}.",
        "中心处损失 {loss}，边缘处最高 {highest}；测试准确率 {accuracy}。",
    ),
    "figure-landscape-text": (
        "Networks of {depth} ReLU layers on 8 × 8 digits, along two random directions with the lengths of the weights' own rows; "
        "lines at a loss of {levels}. One run, seed 0: a picture, not a proof.",
        "在 8 × 8 手写数字上训练的 {depth} 层 ReLU 网络，沿两个随机方向移动权重，方向按权重各行的长度缩放；等高线对应的损失为 "
        "{levels}。只跑了一次（种子 0），是一幅图，不是证明。",
    ),
    "figure-paths": ("Paths of the optimizers", "优化器走过的路径"),
    "figure-surface": ("Surface", "曲面"),
    "figure-optimizers": ("Optimizers", "优化器"),
    "figure-optimizer": ("Optimizer", "优化器"),
    "figure-rate": ("Step size", "步长"),
    "figure-height": ("Height above the bottom at the end", "终点离最低点的高度"),
    "figure-steps": ("Steps shown", "显示步数"),
    "figure-paths-told": (
        "All start at the dot and take {steps} steps towards the cross, each with the step size between {low} and {high} that "
        "serves it best on this surface.",
        "各优化器都从圆点出发，向十字处走 {steps} 步；步长在 {low} 与 {high} 之间选取，各取在该曲面上最合适的一个。",
    ),
    "figure-path-told": ("Heights after {steps} steps: {ends}.", "{steps} 步之后的函数值：{ends}。"),
    "figure-convolution": ("Convolution, step by step", "逐步看卷积"),
    "figure-setting": ("Setting", "设置"),
    "figure-convolution-told": (
        "The output that is marked on the right reads the inputs that are marked on the left; dashed cells are padding.",
        "右侧标出的输出读取左侧标出的输入；虚线格是填充。",
    ),
    "conv-input": ("input {n} × {n}", "输入 {n} × {n}"),
    "conv-output": ("output {n} × {n}", "输出 {n} × {n}"),
    "conv-told": (
        "Input {input} × {input}, kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}: output {output} × {output}.",
        "输入 {input} × {input}，卷积核 {kernel}，步幅 {stride}，填充 {padding}，空洞率 {dilation}：输出 {output} × {output}。",
    ),
    "conv-step": ("Output", "输出"),
    "conv-at": ("output {n} of {all}", "第 {n} 个输出，共 {all} 个"),
    "step-back": ("Step back", "上一步"),
    "step-on": ("Step on", "下一步"),
}
"""Merged into :data:`dlatlas.site.strings.WORDS`."""
