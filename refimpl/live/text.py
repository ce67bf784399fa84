"""A small text of our own for the character model: summaries of topics, as plain text."""

__all__ = ["TEXT"]

TEXT = """\
Deep learning fits a function built from many differentiable layers to data by gradient descent. Its pieces are old: McCulloch and Pitts
described a formal neuron in 1943, Rosenblatt trained a single layer in 1958, Rumelhart, Hinton and Williams made backpropagation widely
known in 1986, and LeCun and colleagues read handwritten digits with convolutional networks from 1989 on. What changed around 2012, when
AlexNet won the ImageNet challenge by a wide margin, was the amount of labeled data and of computation on graphics processors. It pays
where the input is raw (pixels, sound, text) and examples are plentiful. On small tables of ready-made features, gradient-boosted trees
are the baseline to beat, and where an exact model of the process is known, fitting a network to it wastes data. Whatever the task, the
same supervised training loop carries every experiment: fixed seeds, a held-out set, early stopping and a state from which training
resumes with the same curve. Accounts of the field disagree on credit, as the exchange between Schmidhuber and the authors of the 2015
Nature review shows, and on how much theory explains. Some read the practice as trial and error; others look for measurable regularities.
Layer rotation, the angle between a layer's weights and their initial value, is one such proposal: Carbonnelle and De Vleeschouwer report
that networks whose layers all rotate far from initialization generalize better.
One unit can only draw one hyperplane, so it cannot compute XOR; two layers can. Minsky and Papert worked out such limits in 1969. On data
that no hyperplane separates, the rule never settles, and among separating hyperplanes it returns whichever it reaches first. For noisy
classes use logistic regression, a support vector machine or an averaged perceptron; the plain rule remains the shortest online learner
with a proof. Texts differ in the labels (0 and 1, or -1 and 1) and in whether a learning rate is written. When training starts from zero
weights, the learning rate only scales the solution and changes no prediction.
A multilayer perceptron alternates affine maps and elementwise nonlinearities; with the identity in place of the nonlinearity the
composition is a single affine map, which is why the nonlinearity is there. Radial basis function networks replace the hidden units by
bumps around chosen centers, and their output layer is then a linear least-squares problem that can interpolate the centers exactly.
Cybenko and, independently, Hornik, Stinchcombe and White showed in 1989 that one hidden layer approximates any continuous function on a
compact set; Leshno and colleagues (1993) found that any continuous activation that is not a polynomial will do. These theorems say that
weights exist, not how many units are needed in a high dimension, nor that training finds them, nor that the fit extends beyond the data.
As the width grows and the output is averaged over units, training converges to a deterministic flow on the distribution of the units'
weights, the mean-field limit. Use an MLP for fixed-size vectors without known structure, and as the head of other networks. Where the
input has translation symmetry or an order, convolution or recurrence shares parameters that an MLP would have to learn again for every
position. Depth against width is still argued: depth saves units for some families of functions, while wide shallow networks are easier to
train and to analyze.
Backpropagation is reverse-mode automatic differentiation applied to a loss. The forward pass records the elementary operations; the
backward pass visits them in reverse and multiplies the incoming gradient by each local Jacobian. One backward pass yields the derivatives
with respect to all inputs at a small constant multiple of the cost of the forward pass, however many parameters there are. Forward mode,
for instance with dual numbers, pushes one input direction through per pass, so it suits functions with few inputs and many outputs.
Linnainmaa published the reverse accumulation of derivatives in 1970, Werbos proposed it for networks, and Rumelhart, Hinton and Williams
(1986) showed the hidden representations that it learns. The price is memory, since intermediate values are kept until the backward pass;
recomputing some of them trades time for memory. Becker and LeCun (1988) propagate an approximate diagonal of the Hessian backward in the
same way. Variants change what is sent back or when. Sparse backpropagation keeps only the largest entries of the gradient, and its
memorized form adds the unsent rest to a later step; decoupled training lets blocks of layers work in parallel on delayed gradients and
equals ordinary backpropagation at delay zero. Who invented the method is disputed, and so is whether brains could do anything similar.
The activation function is the nonlinearity applied to each unit's weighted sum. Sigmoid and tanh saturate: far from zero their derivative
vanishes, and a deep stack of them passes little gradient. The rectified linear unit, used by Fukushima in 1969 and taken up by deep
networks around 2010, keeps slope 1 for positive inputs and returns zero otherwise; Leaky ReLU, PReLU, RReLU, ELU, Swish and Mish differ
in what they do below zero. SELU (Klambauer and colleagues, 2017) fixes two constants so that zero mean and unit variance are a stable
fixed point of the layer map. The argument assumes fully connected layers, LeCun initialization and alpha dropout; without them the
guarantee is gone. A unit can also be studied through the entropy of its outputs and their mutual information with the labels. ReLU is the
default for convolutional and fully connected hidden layers, tanh and sigmoid for the states and gates of recurrent cells, softmax or
sigmoid for outputs that are probabilities. Published rankings contradict one another, partly because the gap between the better functions
is often smaller than the effect of learning rate and initialization. 'Dead' ReLU units, which output zero for every example, are a real
failure that a lower learning rate or a leak prevents.
With very many classes the normalizing sum dominates. Hierarchical softmax (Morin and Bengio, 2005) replaces it by binary decisions along
a tree, so that the cost is the depth of the leaf and the leaf probabilities still sum to one; dynamic class selection computes the sum
over the classes that matter for the current example only. Plots of the loss along random directions mislead unless the directions are
scaled to the weights, because rescaling a ReLU network changes the plot but not the function; filter normalization (Li and colleagues,
2017) removes that freedom. Whether flat minima generalize better is still argued: Dinh and colleagues (2017) showed that sharpness can be
changed at will by reparametrization. Practitioners also differ on whether to train on the likelihood or on a margin when only accuracy
counts: a margin loss ignores examples that are already safe, and gives no probabilities.
These models learn a code for the input without labels. An autoencoder reconstructs its input through a bottleneck or under a constraint:
with linear layers and squared error it spans the principal subspace of PCA, and denoising (Vincent and colleagues, 2008), sparse and
contractive variants keep a wide code from copying the input. Sparse coding (Olshausen and Field, 1996) instead solves a LASSO problem per
input, by ISTA or its accelerated form FISTA; LISTA (Gregor and LeCun, 2010) unrolls a few iterations into a trainable network. A
restricted Boltzmann machine assigns an energy to visible and hidden units without links inside a layer. Its likelihood gradient needs
samples from the model, which contrastive divergence (Hinton, 2002) approximates by a few Gibbs steps from the data, and persistent chains
by carrying the samples over. Stacking such machines gave the deep belief network (Hinton, Osindero and Teh, 2006), whose greedy
pretraining made deep networks trainable at the time. Once better initialization, rectifiers and more labels were available, layerwise
pretraining fell out of use for supervised tasks; pretraining on unlabeled data returned with other objectives. To look at a code, t-SNE
(van der Maaten and Hinton, 2008) places similar points together in the plane. Distances between clusters, cluster sizes and even apparent
clusters depend on the perplexity, so its pictures are no evidence by themselves.
Hanin and Rolnick (2018) separate two failures of ReLU networks at the start: the mean length of the activations may explode or vanish,
which the variance cures, and the lengths may fluctuate wildly across layers, which only sufficient width or residual connections cure.
Fixup scales down the weights of residual branches so that very deep residual networks train without any normalization layer. 'Xavier for
tanh and sigmoid, He for ReLU' is a sound default, with LeCun's rule for SELU. Opinions differ on whether the fan-in or the fan-out should
be kept in convolutional networks, and on how much any of it matters once normalization layers reset the scale; frameworks also ship
different defaults, so reproductions should state theirs.
An optimizer turns gradients of mini-batches into steps. Plain stochastic gradient descent goes back to Robbins and Monro (1951); momentum
(Polyak, 1964) accumulates past gradients and Nesterov's variant looks ahead. Adagrad (2011) divides each coordinate by the root of its
summed squared gradients, RMSProp and Adadelta (2012) forget old squares, and Adam (Kingma and Ba, 2014) combines this with momentum and a
bias correction. RAdam damps the first steps, when the second moment is still uncertain; AdaBound moves from Adam to SGD by clipping its
rates. Averaging the iterates (Polyak and Juditsky, 1992) reaches the best asymptotic variance. Another family reads more than the
gradient. Natural gradient preconditions with the Fisher matrix and does not depend on the parametrization; CurveBall approximates a
Newton step with Hessian-vector products; Kalman-based SGD tracks a covariance, which limits it to modest numbers of parameters.
YellowFin, vSGD and aggregated momentum tune or blend the hyperparameters themselves, and STORM reduces the variance of the gradient by a
recursive correction. Evolution strategies and simulated annealing need no gradient; gradient boosting fits trees to it. The standing
dispute is SGD with momentum against Adam. Adam needs less tuning and copes with badly scaled or sparse gradients; Wilson and colleagues
(2017) found that adaptive methods can generalize worse in image classification, while others attribute such gaps to tuning and to how
weight decay is applied. Reddi, Kale and Kumar (2018) gave convex problems on which Adam does not converge. Comparisons without a tuned
learning rate for each method say little.
Two diagnostics help. The learning-rate range test, after Smith, raises the rate during a short run and picks a value below the point of
divergence. The gradient noise scale of McCandlish and colleagues (2018) compares the variance of the per-example gradient with its
squared mean, and predicts the batch size above which more data per step buys little. Label smoothing, a cosine schedule, mixup and
leaving biases and normalization parameters without decay add small gains that sum up. Sources disagree on what large batches cost. Keskar
and colleagues (2016) linked them to sharp minima and worse generalization, Masters and Luschi (2018) recommend batches of 32 or fewer,
and Goyal and colleagues saw no loss up to 8,192 after warm-up. Much depends on whether the comparison fixes epochs or updates and whether
the rate is retuned.
Data parallelism gives each worker a part of the batch and averages the gradients before every update; up to rounding, the result equals
one process with the whole batch, provided that batch statistics and random numbers are treated alike. Model parallelism splits the
network instead, when it does not fit on one device. DistBelief (Dean and colleagues, 2012) trained asynchronously: Downpour workers pull
parameters from a server and push gradients when ready, and Sandblaster distributes batch optimization. Elastic averaging SGD (2014) lets
every worker roam, tied by a spring to a center. Deep gradient compression (2017) sends only the largest gradient entries and keeps the
rest for later, with momentum correction, so that slow networks suffice. Asynchrony hides slow machines but computes gradients at stale
parameters. With fast interconnects practice has moved to synchronous all-reduce, which is easier to reproduce. Compression is worth its
extra state and tuning only where communication, not computation, is the bottleneck.
The gradient of a deep or recurrent network is a product of one Jacobian per layer or time step, and such products tend to shrink or grow
exponentially. Hochreiter analyzed this in 1991, and Bengio, Simard and Frasconi in 1994. For a recurrent network, Pascanu, Mikolov and
Bengio (2012) derive that gradients must vanish when the largest singular value of the recurrent matrix is below the inverse bound on the
slope of the activation, and can explode only when it is above; they rescale the gradient when its norm passes a threshold. Hanin (2018)
shows that in ReLU networks with the right initial variance the fluctuation of the gradients is governed by the sum of the inverse widths,
exponentially, so deep narrow networks are the bad case; Hanin and Nica find a log-normal law. Gradient confusion measures whether the
gradients of two examples point against each other, which depth worsens and width relieves. Clipping cures explosion only. Against
vanishing one changes the architecture: gates, residual connections, normalization or orthogonal weights. Clipping by value changes the
direction and clipping by norm does not; toolkits and papers use both, and the threshold interacts with the learning rate.
Regularization trades fit on the training set for less error elsewhere. An L2 penalty shrinks all weights and corresponds to a Gaussian
prior; an L1 penalty, a Laplace prior, sets some weights to zero, exactly so only when the update uses the proximal (soft-thresholding)
step, since subgradient steps merely hover near zero. Early stopping keeps the parameters with the best validation score; on a quadratic
loss it shrinks each eigendirection much as L2 does. Other regularizers act on inputs or attributions. Data augmentation adds transformed
copies whose label is known to stay the same; mixup (Zhang and colleagues, 2017) trains on convex combinations of pairs. GradMask
penalizes input gradients outside the region known to be relevant. ROI regularization masks the image blocks that contribute least to a
prediction and asks the prediction to stay the same, which works without labels. Targeted sparsity regularization takes sparse activations
as a sign of overfitting and acts on them layer by layer. L2 penalty and weight decay are the same for plain gradient descent but not for
adaptive methods, where Loshchilov and Hutter (2017) recommend decaying the weights directly. Sources disagree on combinations: one rule
of thumb is to take either dropout or L2, while image-classification recipes use weight decay, augmentation and dropout together.
Validation decides.
Dropout sets each unit to zero with a fixed probability at every training step and uses all units at test time. Hinton and colleagues
proposed it in 2012 against the co-adaptation of features; AlexNet used it the same year. Inverted dropout divides the kept activations by
the keep probability during training, so that the expectation is right and the test-time network needs no change. In recurrent networks
dropping the recurrent path destroys memory. Zaremba, Sutskever and Vinyals (2014) therefore drop only connections between layers. Dropout
can also be read as data augmentation: the noisy activations can be projected back to inputs that would have caused them. Targeted dropout
drops the units or weights of smallest magnitude, which prepares the network for pruning. Monte Carlo dropout (Gal and Ghahramani, 2015)
keeps the noise at test time and reads the spread of predictions as uncertainty. Dropout suits large fully connected layers and small
data; convolutional layers with batch normalization gain less, and the order of the two changes the variance seen at test time.
Practitioners disagree about combining it with L2, and whether the spread of MC dropout deserves the name of a posterior is contested,
since it does not shrink with more data unless the rate is tuned.
A normalization layer subtracts a mean, divides by a standard deviation and applies a learned scale and shift; the variants differ in the
set over which the statistics are taken. Batch normalization (Ioffe and Szegedy, 2015) uses all examples and positions of one channel,
layer normalization (2016) all features of one example, instance normalization one channel of one example, and group normalization (Wu and
He, 2018) a group of channels of one example, with the previous two as its ends. Weight normalization reparametrizes the weights instead.
Batch statistics need a large batch, tie the examples of a batch together and differ between training and test, where running averages are
used. Batch renormalization corrects for the difference with clipped factors; switchable normalization learns a mixture of batch, layer
and instance statistics. Layer normalization suits sequence models, instance normalization style transfer, group normalization detection
and segmentation with few images per device. That batch normalization helps is agreed; why is not. The original account, less internal
covariate shift, was questioned by Santurkar and colleagues (2018), who point to a smoother loss. Whether to place it before or after the
activation also varies between codes, and fixup-style initialization shows that deep residual networks can do without.
A model overfits when it does well on the data used to choose it and worse on fresh data. Networks with more parameters than examples can
fit random labels (Zhang and colleagues, 2016) and still generalize on real ones, so counting parameters explains little. Perturbed model
validation adds noise to the training labels and watches how fast the training accuracy drops; latent recovery asks whether a generator
reproduces its training images better than unseen ones. Choosing among analyses on the same data biases the result, by an amount that
Russo and Zou (2015) bound through the information used. Reusing a test set is a case of it, and Feldman, Frostig and Hardt (2019) show
that many classes make such overfitting harder. Ensembles average out part of the error; joint training interpolates between independent
members and one large model, and layerwise sequential training saves memory at some cost in accuracy. Theory follows two lines. For very
wide networks training is close to kernel regression with the neural tangent kernel (Jacot and colleagues, 2018), and gradient descent
provably drives the training loss to zero at a linear rate (Allen-Zhu, Li and Song, 2018). How far this explains practical networks is
disputed: Allen-Zhu and Li (2019) construct functions that a ResNet learns efficiently and kernels do not.
The layer is linear. With circular boundaries its matrix is doubly block circulant, which explains the FFT method; with zero padding it is
doubly block Toeplitz. The transpose of that matrix is the transposed convolution, which serves as the backward pass and as a learned
upsampling. In practice the sum is computed by unfolding patches into a matrix (im2col), by Winograd's minimal filtering for small
kernels, or by FFT for large ones. The name 'deconvolution' for the transposed convolution is widespread and misleading, since it does not
invert anything. When the kernel size is not a multiple of the stride it covers positions unevenly and leaves checkerboard patterns, so
many prefer resizing followed by a convolution. A 1 x 1 kernel mixes channels only and is a fully connected layer applied at each
position.
Network decoupling writes a trained regular convolution as a sum of depthwise separable ones, which is exact when enough terms are kept.
DiCE units also filter along the height and width dimensions; VarGNet fixes the number of channels per group instead of the number of
groups, which balances the load on embedded hardware. Random shifting attacks another cost of small networks: it moves the sampling grid
of down-sampling layers at random during training, so that no position is always discarded. Counts of multiplications and measured time
are different things. Depthwise layers move much memory per operation and often run far below a device's peak, so a network with fewer
operations can be slower; authors who report only operation counts are often criticized for it.
A convolution samples its input on a fixed grid. Deformable convolution (Dai and colleagues, 2017) adds to every sampling point an offset
that a second convolution predicts from the same input, and reads the shifted, fractional positions by bilinear interpolation, so that the
receptive field follows the object. Deformable RoI pooling moves the bins of a region in the same way. With all offsets zero both reduce
to the ordinary layer. The gain shows in detection and segmentation, where objects vary in size and pose; for whole-image classification
it is small. The layers that predict offsets start at zero. Scattered reads make the layer slow without a dedicated kernel, and a later
version adds a learned weight per sampling point because offsets alone may reach beyond the object.
Claims of invariance need care: pooling tolerates shifts of about the window, gives no invariance to scale or rotation, and with a stride
the output can jump when the input moves by one pixel, since high frequencies are aliased. Springenberg and colleagues (2014) replaced
pooling by strided convolution at no loss on their benchmarks; Hinton objects that pooling throws away where a part is, which motivates
capsules. Generators usually avoid it, classifiers mostly keep it in some form.
LeNet-5 (1998) fixed the pattern of convolution, pooling and a classifier. AlexNet (Krizhevsky, Sutskever and Hinton, 2012) scaled it up
with ReLU, dropout and two graphics processors; VGG (2014) used only 3 x 3 kernels in up to 19 weight layers; GoogLeNet (2014) combined
kernels of several sizes in Inception modules and spent far fewer parameters. ResNet (He and colleagues, 2015) let each block learn a
correction to its input. Plain networks had become worse on the training set itself when deepened, and the identity path removed this
degradation up to 152 layers on ImageNet. Inception-ResNet adds residual paths to Inception, Xception replaces its modules by depthwise
separable convolutions, DenseNet feeds every layer with the outputs of all earlier layers of its block, and FractalNet reaches similar
depth with parallel paths of different length and no residual path. ResNet-50 remains the common reference model; VGG survives as a
feature extractor for style transfer despite its size. Whether residual connections are essential is debated: FractalNet argues that short
effective paths during training matter, and Veit and colleagues (2016) read ResNets as ensembles of shallow paths. Reported accuracies mix
architecture with training recipe, so old numbers cannot be compared across papers.
One group of methods asks which pixels a decision depends on. Gradient saliency (Simonyan and colleagues, 2013) shows the derivative of
the class score; guided backpropagation also drops negative signals on the way down; Grad-CAM weights the last feature maps by their
averaged gradients; integrated gradients (2017) average the gradient along a path from a baseline, so that the attributions sum to the
change of the score. Deconvnets (Zeiler and Fergus, 2013) project one activation back through stored pooling switches. Another group asks
what a unit stands for. Activation maximization and DeepDream (2015) change the image to excite a unit; network dissection compares the
regions where a unit fires with labeled concepts; interpretable CNNs add a loss that ties each high-layer filter to one object part. A
convincing picture is not evidence. Adebayo and colleagues (2018) found that guided backpropagation hardly changes when the weights are
randomized, so it works much like an edge detector. Integrated gradients depend on the chosen baseline. Use at least one check, such as
randomizing weights or deleting the marked pixels, before drawing conclusions.
A recurrent network keeps a hidden state and updates it from the previous state and the current input with the same weights at every step,
so it handles sequences of any length. Elman (1990) used a single tanh layer. A bidirectional network (Schuster and Paliwal, 1997) runs a
second pass from the end and concatenates the two states; deep networks stack such layers, each reading the states of the layer below at
the same time step. Convolutional features can feed the recurrence: CRNN (Shi, Bai and Yao, 2015) reads text lines as a sequence of image
columns. Gated feedback networks (Chung and colleagues, 2015) let every layer send its state to every layer at the next step through
learned gates; with the gates open only between equal layers they are ordinary stacks. A plain tanh RNN forgets over tens of steps because
its gradients vanish, so gated cells are the default for long sequences. Bidirectional models need the whole sequence and are unfit for
streaming or for generation. In Chinese the same word was long used for recurrent and recursive networks; the two are different, since a
recursive network follows a tree.
The LSTM adds a cell state that is changed by addition, not by repeated multiplication with a matrix: the input gate decides what enters,
the forget gate what stays, the output gate what is shown. Hochreiter and Schmidhuber introduced it in 1997 without a forget gate; Gers,
Schmidhuber and Cummins added the gate in 2000, and peephole connections let the gates read the cell. Where the forget gate is near one,
gradients pass many steps almost unchanged. Ablations rank the forget gate among the parts that matter most. Greff and colleagues (2015)
tried eight variants and found none clearly better; JANET (2018) keeps only the forget gate and, with chrono initialization, competes on
long memory tasks. The Advanced LSTM (2017) combines several past cell states with learned weights instead of using only the last.
Karpathy, Johnson and Fei-Fei (2015) looked at the cells of character models and found some that track quotes, brackets or line length.
Use it for streaming input, small data and moderate lengths; start the forget bias at one. For long-range dependencies in large corpora
attention models have replaced it. It is often said to solve the vanishing gradient: it relieves it, but a forget gate below one still
forgets exponentially, and explosion still needs clipping.
The gated recurrent unit (Cho and colleagues, 2014) has no separate cell. An update gate interpolates between the old state and a
candidate, and a reset gate decides how much of the old state the candidate sees. It has three quarters of the LSTM's parameters at equal
width. Two versions circulate: the paper applies the reset gate before the recurrent matrix product, cuDNN and PyTorch apply it after,
where the product can be computed for all gates at once. Weights do not carry over between them. Papers also differ on whether the update
gate multiplies the old or the new state. Comparisons with the LSTM (Chung and colleagues, 2014, and others) have no consistent winner.
The GRU is a little faster; on the other hand Weiss, Goldberg and Yahav (2018) show that an LSTM can learn to count in its cell while a
GRU, whose state is bounded, cannot.
Merity, Keskar and Socher (2017) left the LSTM cell alone and regularized everything around it: DropConnect on the recurrent weights, one
dropout mask per sequence on inputs and outputs, dropout of whole words in the embedding, tied input and output embeddings, a penalty on
large activations (AR) and on their change in time (TAR), and averaged SGD whose averaging starts when the validation score stops
improving (NT-ASGD). Because only weights are dropped, fast fused LSTM kernels can still be used. It set the mark for word-level language
models on Penn Treebank and WikiText-2 at the time, and later served as the base of ULMFiT. Some recommend it as a general replacement for
the LSTM. Melis, Dyer and Blunsom (2017) found that a plain LSTM with well-tuned dropout comes close, so part of the gain is tuning. On
large corpora, where overfitting is not the limit, most of these terms can be dropped.
It is a regularizer, not a defense: the perturbed vectors correspond to no words, and robustness to real substitutions is a separate
question. It helps most with few labels and costs one additional forward and backward pass per step for the adversarial term, two for the
virtual one. Some of the reported gain comes from pretraining the LSTM as a language model, which the paper also uses.
In a sentence, large constituents last longer than small ones. ON-LSTM (Shen, Tan, Sordoni and Courville, 2018) orders the cell's units
accordingly: a cumulative softmax, cumax, produces master forget and input gates that rise or fall monotonically along the units, so that
high-ranking units are erased only when a large constituent ends. With both master gates at one the cell is an ordinary LSTM. The expected
split point of the master forget gate serves as a syntactic distance between neighboring words, and splitting recursively at the largest
distance yields a tree without any parse labels. As a language model it is comparable with other regularized LSTMs; it was better than a
plain LSTM on agreement tests with long dependencies. How much grammar it discovers is argued. Scores are compared with right-branching
trees, which are already strong for English, and Dyer, Melis and Blunsom (2019) show that the greedy procedure used to read off trees is
itself biased toward them.
In an LSTM every gate needs the previous hidden state through a matrix product, so time steps cannot be computed in parallel. The QRNN
(Bradbury and colleagues, 2016) computes gates from the inputs alone by a causal convolution and leaves an elementwise recurrence; the SRU
(Lei and colleagues, 2017) uses no convolution window and adds a highway connection. Where the remaining recurrence is linear in the
state, it can be evaluated by an associative scan in logarithmic depth. IndRNN (Li and colleagues, 2018) gives each unit only its own
past, with one recurrent weight per unit whose size bounds the gradient. With ReLU it learns the adding problem over thousands of steps
and can be stacked deep; the nonlinearity excludes the scan, but the step is cheap. Units of one layer cannot exchange information over
time, so such models make up for it with more layers. Speed gains over fused LSTM kernels depend on batch and length and shrink for large
hidden sizes. Independent results on accuracy vary; language modeling and translation report parity or small gains, mostly with deeper
stacks.
A temporal convolutional network stacks causal convolutions, which see only the past, with dilation that doubles per block, so that the
receptive field grows exponentially with depth; blocks are residual. Bai, Kolter and Koltun (2018) compared one such generic network with
LSTM and GRU of similar size on synthetic memory tasks, music and language and found it better on most. Training runs over all time steps
in parallel and needs no gates, and gradients do not pass through a chain as long as the sequence. At inference the network must keep the
inputs of its whole receptive field, and anything older is invisible. Choosing depth and dilation fixes that horizon in advance. The
comparison has been read as the end of recurrence. It used generic recurrent baselines; the strongest regularized LSTM language models of
the time remained ahead, as the authors themselves note. In forecasting and audio, dilated causal convolution is established.
A neural Turing machine (Graves, Wayne and Danihelka, 2014) couples a controller network with a matrix that it reads and writes through
soft attention: addressing by content, then interpolation with the previous focus, a shift and a sharpening. All steps are differentiable.
On copying and sorting it generalizes to longer inputs than an LSTM, whose capacity is its state. Learning to execute (Zaremba and
Sutskever, 2014) feeds an LSTM short programs as characters and asks for their output. A curriculum that always mixes in some hard
examples worked better than one that only raises the difficulty. Copying a sequence is a supervised task as well: the input is followed by
a delimiter, and the targets are the same symbols. Such memories are hard to train; results vary over seeds, and gradients are usually
clipped. For natural data attention over all past states has been the simpler choice, while explicit memory remains of interest for
algorithmic tasks.
Attention returns a weighted mean of values, with weights given by a softmax over scores between a query and the keys. Bahdanau, Cho and
Bengio (2014) introduced it for translation so that the decoder need not squeeze a sentence into one vector; their score is additive, a
small network. Luong and colleagues (2015) compared dot product and bilinear scores. Multi-head attention (Vaswani and colleagues, 2017)
runs several projections in parallel. Cost and memory grow with the product of the two lengths. Whether the weights explain a decision is
disputed: Jain and Wallace (2019) find different weights with the same output, Wiegreffe and Pinter (2019) reply that this depends on what
counts as an explanation.
An encoder reads the source sequence into states, and a decoder generates the target one symbol at a time, conditioned on what it has
produced. Sutskever, Vinyals and Le and Cho and colleagues introduced the scheme for translation in 2014; attention removed the single-
vector bottleneck. Training feeds the decoder the correct previous symbol (teacher forcing), while at test time it sees its own outputs, a
mismatch called exposure bias. The most probable sequence is not found by taking the most probable symbol at each step. If the strings 00,
10 and 11 have probabilities 0.4, 0.3 and 0.3, greedy decoding starts with 1 and ends with a string of probability 0.3. Beam search keeps
several prefixes; it is not exact either, but finds 00 here with a beam of two. A wider beam is not always better: beyond a moderate width
translations tend to become shorter and worse (Koehn and Knowles, 2017), so scores are normalized by length. For open-ended text, sampling
is preferred over beams, which produce repetitive output.
A recursive network applies the same function at every node of a tree and computes the vector of a phrase from those of its parts. Socher
and colleagues developed it for parsing and sentiment; their recursive neural tensor network (2013) adds a bilinear term, trained on the
Stanford Sentiment Treebank, which labels every phrase. The Tree-LSTM (Tai, Socher and Manning, 2015) gives each child its own forget
gate; on a chain it is the ordinary LSTM. The tree must be known for every example, from a parser or an annotation, and its shape changes
from example to example, which hinders batching; grouping nodes of equal height recovers most of the speed. Whether the tree is worth it
depends on the task: Li and colleagues (2015) found gains where long-distance structure matters and parity with bidirectional recurrent
networks elsewhere. Pretrained sequence models have taken over most of these tasks.
Connectionist temporal classification (Graves, Fernandez, Gomez and Schmidhuber, 2006) trains on input frames and a shorter label sequence
without an alignment. The network emits labels or a blank per frame; a path maps to a label string by merging repeats and then deleting
blanks, and the loss is the negative log of the summed probability of all paths, computed by a forward-backward recursion. Greedy decoding
takes the best path, prefix beam search sums over paths and can include a language model. Deep Speech (Hannun and colleagues, 2014)
trained a plain bidirectional recurrent network with CTC on large, noise-augmented data. CTC assumes a monotonic alignment, at least as
many frames as labels (plus one for each repeated pair), and independence of frames given the input, so language knowledge must come from
outside or from the network's depth. Transducers and attention models drop the independence; CTC remains common where streaming and simple
training count, in speech and in text-line recognition.
A capsule is a group of units whose vector encodes the properties of an entity, with the length of the vector standing for the probability
that it is present. Sabour, Frosst and Hinton (2017) let each lower capsule predict the output of every higher one through a matrix, and
iterate: predictions that agree with the current output gain weight. The squash function keeps lengths below one, a margin loss trains the
lengths, and a decoder that reconstructs the image from the winning capsule regularizes. The idea also serves as pooling for text: Gong
and colleagues (2018) aggregate encoder states into a fixed number of vectors by routing. Hinton's argument is that pooling discards the
pose of parts, while the part-whole relation is a matrix that holds from every viewpoint. On MNIST and overlapping digits the model did
well with few parameters. On larger images it is slow and memory-hungry and has not matched convolutional networks, and Paik, Kwak and Kim
(2019) report that routing often does no better than uniform or random coefficients. Some authors find gains over attention in text
classification, so the matter is not closed.
Word2vec (Mikolov and colleagues, 2013) learns vectors such that a word predicts its neighbors (skip-gram) or its neighbors predict it
(CBOW). Frequent words are subsampled, and the softmax over the vocabulary is replaced by a Huffman tree or by a few sampled negatives.
Levy and Goldberg (2014) showed that skip-gram with negative sampling implicitly factorizes a shifted matrix of pointwise mutual
information; Arora and colleagues (2015) derive the log-linear form from a random walk of a discourse vector. Vectors can be refined or
used in other ways. Topical word embeddings attach the topic that LDA assigns to each occurrence; Taddy (2015) trains one model per class
and classifies a document by Bayes' rule. Skip-gram does better for rare words, CBOW trains faster. Cosine similarity mixes similarity
with relatedness (antonyms come out close), and values are not comparable across word pairs, so a global threshold is unsafe. Levy,
Goldberg and Dagan (2015) found that preprocessing and hyperparameters explain most differences between methods. Analogy scores flatter
the vectors, because the three question words are excluded from the answers.
Zhang and Wallace (2015) measured the choices: filter width and number of feature maps matter most, 1-max pooling beats the alternatives,
and the spread between repeated runs is large enough to swallow many published differences. Character models need millions of documents
before they beat bags of n-grams, and fastText-like linear models remain hard to beat for topics. Use a text CNN when local phrases decide
and speed counts; word order over long distances is lost in the pooling.
A language model gives the probability of the next symbol after a prefix, and hence of whole texts. Karpathy's char-RNN (2015) trained an
LSTM on characters of code, articles and LaTeX and sampled plausible pages. Temperature divides the logits before the softmax: low values
repeat the likeliest phrases, high values make spelling errors. Taking the likeliest character at every step does not give the likeliest
text. Goldberg answered with an n-gram character model whose Shakespeare looks about as good, and pointed at what it cannot do: close
brackets and keep indentation over long spans. Perplexity is comparable only between models with the same vocabulary and tokenization.
Generation can also mean choosing. Narayan, Cohen and Lapata (2018) extract summary sentences and train the ranking with REINFORCE on the
ROUGE score itself, since likelihood on oracle labels optimizes a different goal; ROUGE in turn measures overlap, not truth or
readability.
Chinese word segmentation is tagging: each character begins, continues, ends or forms a word. A bidirectional LSTM scores the tags, and a
conditional random field adds transition scores and normalizes over whole sequences, so that impossible tag pairs are excluded; Viterbi
finds the best sequence. For sentiment, Mesnil, Mikolov, Ranzato and Bengio (2014) showed that an RNN language model, sentence vectors and
NB-SVM (a linear model on log-count ratios) make different errors and are best combined. Argument comprehension gives a reason, a claim
and two warrants and asks which one connects them. Niven and Kao transferred an inference encoder to this SemEval-2018 task; a year later
they showed that large models had mainly exploited cue words such as 'not'. Comment moderation is multi-label: several independent
sigmoids, rare classes, and identity terms that classifiers wrongly take as toxic. Vinyals and colleagues (2014) linearize constituency
trees and parse with a sequence-to-sequence network. Segmentation standards differ between corpora, so a score holds for one standard.
Whether Chinese models should segment at all is debated, since character models avoid out-of-vocabulary words. For small data run the
linear baseline first; it is often close.
Translation can be learned from two monolingual corpora. Lample and colleagues and, independently, Artetxe and colleagues (both 2017)
start from word vectors aligned without a bilingual dictionary, share an encoder between the languages, train each language as a denoising
autoencoder, and alternate with back-translation: the current model translates a sentence, and the reverse model learns to recover the
original from it. The former also add an adversary that makes the encodings of the two languages alike. Adversarial NMT (Wu and
colleagues, 2017) does use parallel data and adds a discriminator between human and machine translations, trained by policy gradient.
CipherGAN (Gomez and colleagues, 2018) cracks shift and Vigenere ciphers with a cycle-consistent GAN that works on embeddings, since
discrete symbols would give the discriminator away. Results hold for related languages with large corpora from the same domain. Sgaard,
Ruder and Vulic (2018) show that unsupervised dictionary alignment degrades for distant languages or different domains. A few thousand
parallel sentences often help more than any refinement, so check first whether some exist.
Detection returns boxes with classes. R-CNN (Girshick and colleagues, 2013) classified regions proposed by selective search, each with its
own pass through a CNN; Fast R-CNN (2015) computes features once and pools each region; Faster R-CNN (Ren and colleagues, 2015) replaces
the proposals by a network that scores and shifts anchor boxes. YOLO (Redmon and colleagues, 2015) skips proposals: a grid predicts boxes
and classes in one pass; version 2 brought anchors from clustering, version 3 three scales. MegDet trains with batches of 256 images by
computing batch statistics across devices and warming up the learning rate. Noisy boxes can be filtered during training by networks that
select examples for each other (Chadwick and Newman, 2019). Everything ends in non-maximum suppression, which keeps the best of
overlapping boxes. One-stage detectors are chosen for speed, two-stage ones for accuracy on small objects, although the gap has narrowed.
Numbers need their metric: Pascal VOC counts a hit at an overlap of 0.5, COCO averages over thresholds from 0.5 to 0.95, and the same
detector scores far lower there. Redmon and Farhadi argue in the YOLOv3 report that people can hardly tell an overlap of 0.3 from 0.5;
others need tight boxes.
Semantic segmentation labels every pixel. The fully convolutional network (Long, Shelhamer and Darrell, 2014) turns the dense layers of a
classifier into convolutions, upsamples the coarse score map with bilinearly initialized transposed convolutions, and adds scores from
finer layers: FCN-32s, 16s and 8s name the remaining stride. U-Net (Ronneberger, Fischer and Brox, 2015) makes the decoder as wide as the
encoder and concatenates features of equal size across. The original U-Net uses no padding, so a 572-pixel tile yields a 388-pixel map and
large images are processed in overlapping tiles without seams. A weight map raises the loss between touching objects. With strong
augmentation it learns from a few dozen annotated images, hence its spread in medicine. Many implementations pad instead, which is
convenient and leaves border effects; the two are not interchangeable when tiles must agree. Per-pixel cross-entropy ignores rare classes,
and overlap losses such as Dice are common, at the price of noisier gradients for tiny objects. Mean intersection over union is the usual
score, and how absent classes enter the mean differs between tools.
Optimization takes minutes per image; feed-forward networks trained for one or many styles take one pass. For photographs, whitening the
content features and coloring them with the covariance of the style, followed by a smoothing step that respects edges, avoids painterly
distortions (Li and colleagues, 2018). There is no agreed measure of success. VGG features work better than those of later networks in the
plain method, for reasons still discussed, and the content-to-style weight is set by eye.
SRCNN (Dong, Loy, He and Tang, 2014) enlarges an image by bicubic interpolation and lets three convolutional layers restore detail; the
authors read the layers as patch extraction, nonlinear mapping and reconstruction, the steps of sparse-coding methods. Context encoders
(Pathak and colleagues, 2016) fill a missing region from its surroundings. Partial convolution (2018) divides by the share of valid pixels
under the kernel and shrinks the mask layer by layer, so holes of any shape leave no trace of their fill value. Squared error rewards the
average of all plausible answers, so high PSNR goes with blur, while adversarial losses give sharp but possibly invented detail; Blau and
Michaeli (2017) prove that distortion and perceptual quality trade off. In medicine and forensics, invented detail is not acceptable.
Results also depend on the degradation: a network trained on bicubic down-sampling fails on real cameras.
A caption generator couples an image encoder with a language model. Show, Attend and Tell (Xu and colleagues, 2015) lets the decoder
weight the cells of a convolutional feature map at every word: soft attention takes the weighted mean and trains by backpropagation, hard
attention samples one location and trains with a REINFORCE estimator. Tanti, Gatt and Camilleri (2017) ask where the image enters:
injected into the RNN as an input, or merged with the RNN's output afterward. Merging lets the RNN handle words only; in their comparison
it performed about as well with a smaller state, and inject is the more common design. Automatic scores (BLEU, METEOR, CIDEr) compare
n-grams with reference captions and can exceed human scores without human quality, so early rankings between groups say little. Models
lean on frequent phrases and describe objects that are usual for the scene rather than present.
These examples show what changes when the output is not a single class. A CAPTCHA reader needs one softmax per character and gets
unlimited labels from a generator, provided that the generator imitates the target site. SimGAN (Shrivastava and colleagues, 2016) closes
the remaining gap: a refiner makes synthetic images look real under an adversarial loss while a penalty keeps them close to their source,
so the labels stay valid. Facial keypoints are a regression with missing labels and with left-right swaps under mirroring. The volumetric
regression network (Jackson and colleagues, 2017) predicts a 3D face as an occupied volume from one photograph. Adaptive hidden layers
(Hu, Lin and Hsiu, 2018) pick one of several neuron groups per input for gesture recognition from sensors. Of two ultrasound studies
(2017), one fills in received signals that were never acquired, and one brings ultrasound images closer to the quality of computed
tomography. Good scores on generated data prove little about real data, and the reverse problem is leakage: frames of one patient, face or
video must not be split between training and test. Solving other people's CAPTCHAs may violate terms of use; test on ones you made.
Matching finds the same physical point in two images. SIFT (Lowe, 1999 and 2004) detects extrema of differences of Gaussians over position
and scale, assigns each a dominant gradient direction, and describes its surroundings by 128 numbers from 4 x 4 histograms of eight
gradient directions; a match counts if it is clearly better than the second best (ratio test). DeepCD (Yang and colleagues, 2017) learns
two descriptors for a patch, a leading one and a compact complementary one, whose distances are multiplied, and trains the second to help
where the first errs. Learned descriptors win on patch benchmarks; in complete reconstruction pipelines advanced hand-crafted ones were on
par or better (Schonberger and colleagues, 2017). SIFT needs no training and no graphics processor, and its patent expired in 2020, so it
remains the baseline; it fails on repeated texture and on strong changes of viewpoint.
The usual failure is mode collapse, where the generator covers a part of the data only. Minibatch discrimination and feature matching look
at batches, unrolled GANs let the generator anticipate the discriminator's reply, experience replay shows old fakes again, AdaGAN adds
generators one by one for what is missing. Arjovsky and Bottou (2017) explain why a good discriminator gives a useless gradient when the
supports do not overlap, and suggest noise; Nagarajan and Kolter analyze local stability. A GAN gives sharp samples and no likelihood. The
Frechet inception distance and the inception score depend on the feature network, the sample size and the implementation. Lucic and
colleagues (2017) found that with equal budgets for tuning most variants reach similar scores, so claims of a better loss need many seeds.
"""
