/* A text's vector and scores in one pass over its words: the gather-sum of gather.py, compiled.
 *
 * The same numbers as gather.PlainGather gives, up to rounding; tests/embeddings/test_gather.py
 * compares them. Only the stable ABI is used: one build serves every Python from 3.11 on.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define DIM 256
#define MAX_WORDS 512
#define MAX_SCORES 256
#define LANES 16 /* scores are added up in blocks of so many, which compilers turn into vectors */

typedef struct {
    PyObject_HEAD
    PyObject *index;                          /* dict: word -> row; answers for unknown words too */
    PyObject *pairs;                          /* dict: word -> dict: next word -> pair */
    Py_buffer rows, scales, hints, pair_hints; /* as gather.Tables has them */
    float *weights;                           /* blocks of (DIM, LANES), the last one padded */
    Py_ssize_t count, outputs, languages;
    Py_ssize_t end_words, pair_words, seen_words;
} Gather;

static float half(uint16_t bits) {
    uint32_t plain = (uint32_t)(bits & 0x7fffu) << 13, sign = (uint32_t)(bits & 0x8000u) << 16;
    float value;
    memcpy(&value, &plain, sizeof value);
    value *= 0x1p112f; /* moves the exponent from one bias to the other, subnormals included */
    memcpy(&plain, &value, sizeof plain);
    plain |= sign;
    memcpy(&value, &plain, sizeof value);
    return value;
}

/* The rows of the words. 0, or -1 with an exception set. */
static int find_rows(Gather *self, PyObject *words, Py_ssize_t size, Py_ssize_t *rows) {
    for (Py_ssize_t i = 0; i < size; i++) {
        PyObject *word = PyList_GetItem(words, i); /* borrowed, and checked against the size */
        if (word == NULL) return -1;
        PyObject *row = PyDict_GetItemWithError(self->index, word);
        if (row != NULL) {
            Py_INCREF(row);
        } else {
            if (PyErr_Occurred()) return -1;
            Py_INCREF(word); /* what resolves it is Python: anything may happen to the list */
            row = PyObject_GetItem(self->index, word);
            Py_DECREF(word);
            if (row == NULL) return -1;
        }
        rows[i] = PyLong_AsSsize_t(row);
        Py_DECREF(row);
        if (rows[i] < 0 || rows[i] >= self->count) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_IndexError, "no such row");
            return -1;
        }
    }
    return 0;
}

/* Each pair of neighbours counts once at the beginning and once at the end. -1 on an exception. */
static int add_pairs(Gather *self, PyObject *words, Py_ssize_t size, float *scores) {
    Py_ssize_t met[MAX_WORDS], many = 0; /* pair_words at either end are at most a quarter each */
    const float *hints = self->pair_hints.buf;
    Py_ssize_t known = self->pair_hints.len / (Py_ssize_t)sizeof(float) / self->outputs;
    for (Py_ssize_t i = 0; i + 1 < size; i++) {
        int first = i + 1 < self->pair_words, last = i >= size - self->pair_words;
        if (!first && !last) continue;
        PyObject *after = PyDict_GetItemWithError(self->pairs, PyList_GetItem(words, i));
        if (after == NULL) {
            if (PyErr_Occurred()) return -1;
            continue;
        }
        PyObject *pair = PyDict_GetItemWithError(after, PyList_GetItem(words, i + 1));
        if (pair == NULL) {
            if (PyErr_Occurred()) return -1;
            continue;
        }
        Py_ssize_t number = PyLong_AsSsize_t(pair);
        for (int end = 0; end < 2; end++) {
            if (end ? !last : !first) continue;
            Py_ssize_t row = 2 * number + end, seen = 0;
            while (seen < many && met[seen] != row) seen++;
            if (seen < many) continue;
            if (number < 0 || row >= known) {
                if (!PyErr_Occurred()) PyErr_SetString(PyExc_IndexError, "no such pair");
                return -1;
            }
            met[many++] = row;
            for (Py_ssize_t k = 0; k < self->outputs; k++)
                scores[k] += hints[row * self->outputs + k];
        }
    }
    return 0;
}

static void add_vectors(Gather *self, const Py_ssize_t *rows, Py_ssize_t size, float *vector) {
    const int8_t *table = self->rows.buf;
    const float *scales = self->scales.buf;
    memset(vector, 0, DIM * sizeof *vector);
    for (Py_ssize_t i = 0; i < size; i++) {
        const int8_t *row = table + rows[i] * DIM;
        const float scale = scales[rows[i]];
        if (i + 1 < size)
            for (int line = 0; line < DIM; line += 64)
                __builtin_prefetch(table + rows[i + 1] * DIM + line);
        for (int k = 0; k < DIM; k++) vector[k] += scale * (float)row[k];
    }
}

static void normalise(float *vector) {
    float sums[LANES] = {0}, squared = 0;
    for (int k = 0; k < DIM; k += LANES)
        for (int lane = 0; lane < LANES; lane++) sums[lane] += vector[k + lane] * vector[k + lane];
    for (int lane = 0; lane < LANES; lane++) squared += sums[lane];
    if (squared <= 0) { /* words that cancel each other out */
        vector[0] = 1;
        return;
    }
    const float shrink = 1.0f / sqrtf(squared);
    for (int k = 0; k < DIM; k++) vector[k] *= shrink;
}

static void add_weights(Gather *self, const float *vector, float *scores) {
    const float *weights = self->weights;
    for (Py_ssize_t block = 0; block < self->outputs; block += LANES, weights += DIM * LANES) {
        float sums[LANES] = {0};
        for (int k = 0; k < DIM; k++)
            for (int lane = 0; lane < LANES; lane++)
                sums[lane] += vector[k] * weights[k * LANES + lane];
        for (int lane = 0; lane < LANES && block + lane < self->outputs; lane++)
            scores[block + lane] += sums[lane];
    }
}

static void add_hints(Gather *self, const Py_ssize_t *rows, Py_ssize_t size, float *scores) {
    const Py_ssize_t outputs = self->outputs, languages = self->languages;
    const Py_ssize_t ends = self->end_words, seen = self->seen_words;
    const uint16_t *hints = self->hints.buf;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (i >= seen && i < size - seen) continue;
        const uint16_t *row = hints + rows[i] * (2 * outputs + languages);
        if (i < ends)
            for (Py_ssize_t k = 0; k < outputs; k++) scores[k] += half(row[k]);
        if (i >= size - ends)
            for (Py_ssize_t k = 0; k < outputs; k++) scores[k] += half(row[outputs + k]);
        for (Py_ssize_t k = 0; k < languages; k++)
            scores[outputs + k] += half(row[2 * outputs + k]);
    }
}

/* What the scores come to: the best category, the language or -1, the best one's share of the
 * softmax, the raw complexity, which is the last output. */
static PyObject *sum_up(Gather *self, const float *scores) {
    const Py_ssize_t kinds = self->outputs - 1;
    const float *counts = scores + self->outputs;
    Py_ssize_t best = 0, language = 0;
    for (Py_ssize_t k = 1; k < kinds; k++)
        if (scores[k] > scores[best]) best = k;
    for (Py_ssize_t k = 1; k < self->languages; k++)
        if (counts[k] > counts[language]) language = k;
    if (!(counts[language] > 0)) language = -1;
    double total = 0;
    for (Py_ssize_t k = 0; k < kinds; k++) total += exp((double)scores[k] - (double)scores[best]);
    return Py_BuildValue("nndd", best, language, 1.0 / total, (double)scores[kinds]);
}

static int has_size(const Py_buffer *buffer, Py_ssize_t size, const char *name) {
    if (buffer->len == size) return 1;
    PyErr_Format(PyExc_ValueError, "%s: %zd bytes, not %zd", name, buffer->len, size);
    return 0;
}

static PyObject *gather_read(PyObject *me, PyObject *const *given, Py_ssize_t many) {
    Gather *self = (Gather *)me;
    if (self->weights == NULL || many != 3 || !PyList_Check(given[0])) {
        PyErr_SetString(PyExc_TypeError, "read takes a list of words, the signs' row, a vector");
        return NULL;
    }
    const Py_ssize_t size = PyList_Size(given[0]);
    if (size < 1 || size > MAX_WORDS) {
        PyErr_Format(PyExc_ValueError, "1 to %d words, not %zd", MAX_WORDS, size);
        return NULL;
    }
    Py_ssize_t rows[MAX_WORDS];
    float scores[MAX_SCORES] = {0};
    if (find_rows(self, given[0], size, rows) < 0) return NULL;
    if (PyList_Size(given[0]) != size) { /* by what resolved a word */
        PyErr_SetString(PyExc_RuntimeError, "the words changed meanwhile");
        return NULL;
    }
    Py_buffer signs, vector;
    if (PyObject_GetBuffer(given[1], &signs, PyBUF_SIMPLE) < 0) return NULL;
    if (PyObject_GetBuffer(given[2], &vector, PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&signs);
        return NULL;
    }
    PyObject *found = NULL;
    if (has_size(&signs, self->outputs * (Py_ssize_t)sizeof(float), "signs") &&
        has_size(&vector, DIM * (Py_ssize_t)sizeof(float), "vector")) {
        memcpy(scores, signs.buf, (size_t)signs.len);
        if (add_pairs(self, given[0], size, scores) == 0) {
            add_vectors(self, rows, size, vector.buf);
            normalise(vector.buf);
            add_weights(self, vector.buf, scores);
            add_hints(self, rows, size, scores);
            found = sum_up(self, scores);
        }
    }
    PyBuffer_Release(&vector);
    PyBuffer_Release(&signs);
    return found;
}

/* ---- the object ---------------------------------------------------------------------------- */

static int take_weights(Gather *self, PyObject *given) {
    Py_buffer weights;
    if (PyObject_GetBuffer(given, &weights, PyBUF_SIMPLE) < 0) return -1;
    const Py_ssize_t blocks = (self->outputs + LANES - 1) / LANES;
    if (has_size(&weights, DIM * self->outputs * (Py_ssize_t)sizeof(float), "weights")) {
        self->weights = PyMem_Calloc((size_t)(blocks * DIM * LANES), sizeof(float));
        if (self->weights == NULL) PyErr_NoMemory();
    }
    if (self->weights != NULL)
        for (Py_ssize_t k = 0; k < DIM; k++)
            for (Py_ssize_t output = 0; output < self->outputs; output++)
                self->weights[(output / LANES * DIM + k) * LANES + output % LANES] =
                    ((const float *)weights.buf)[k * self->outputs + output];
    PyBuffer_Release(&weights);
    return self->weights == NULL ? -1 : 0;
}

static int gather_init(PyObject *me, PyObject *given, PyObject *named) {
    static char *names[] = {"index", "pairs", "rows", "scales", "hints", "pair_hints", "weights",
                            "sizes", "ends", NULL};
    Gather *self = (Gather *)me;
    PyObject *index, *pairs, *weights;
    if (self->index != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(given, named, "OOy*y*y*y*O(nn)(nnn)", names, &index, &pairs,
                                     &self->rows, &self->scales, &self->hints, &self->pair_hints,
                                     &weights, &self->outputs, &self->languages, &self->end_words,
                                     &self->pair_words, &self->seen_words))
        return -1;
    if (!PyDict_Check(index) || !PyDict_Check(pairs) || self->outputs < 2 || self->languages < 1 ||
        self->outputs + self->languages > MAX_SCORES || self->pair_words > MAX_WORDS / 4) {
        PyErr_SetString(PyExc_ValueError, "not the tables of a head");
        return -1;
    }
    Py_INCREF(index);
    self->index = index;
    Py_INCREF(pairs);
    self->pairs = pairs;
    self->count = self->rows.len / DIM;
    const Py_ssize_t wide = 2 * self->outputs + self->languages;
    if (!has_size(&self->scales, self->count * (Py_ssize_t)sizeof(float), "scales")) return -1;
    if (self->hints.len < self->count * wide * (Py_ssize_t)sizeof(uint16_t)) {
        PyErr_SetString(PyExc_ValueError, "hints: fewer rows than words have");
        return -1;
    }
    return take_weights(self, weights);
}

static int gather_traverse(PyObject *me, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(me));
    Py_VISIT(((Gather *)me)->index);
    Py_VISIT(((Gather *)me)->pairs);
    return 0;
}

static int gather_clear(PyObject *me) {
    Py_CLEAR(((Gather *)me)->index);
    Py_CLEAR(((Gather *)me)->pairs);
    return 0;
}

static void gather_dealloc(PyObject *me) {
    Gather *self = (Gather *)me;
    PyTypeObject *type = Py_TYPE(me);
    PyObject_GC_UnTrack(me);
    gather_clear(me);
    PyBuffer_Release(&self->rows); /* of one that was never filled, this does nothing */
    PyBuffer_Release(&self->scales);
    PyBuffer_Release(&self->hints);
    PyBuffer_Release(&self->pair_hints);
    PyMem_Free(self->weights);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(me);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))gather_read, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_init, gather_init},       {Py_tp_dealloc, gather_dealloc},
    {Py_tp_traverse, gather_traverse}, {Py_tp_clear, gather_clear},
    {Py_tp_methods, methods},        {0, NULL},
};

static PyType_Spec spec = {
    .name = "embeddings._gather.Gather",
    .basicsize = sizeof(Gather),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static int fill(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type == NULL) return -1;
    const int done = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return done;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "embeddings._gather",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__gather(void) { return PyModuleDef_Init(&module); }
