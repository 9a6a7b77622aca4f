using System.Collections;
using System.Text;

namespace Grpc.Core;

/// <summary>Headers or trailers of a call, in order; keys are lower case and may repeat.</summary>
public sealed class Metadata : IList<Metadata.Entry>
{
    /// <summary>Keys with this ending hold bytes, sent as base64.</summary>
    public const string BinaryHeaderSuffix = "-bin";

    /// <summary>No entries; read only.</summary>
    public static readonly Metadata Empty = new() { IsReadOnly = true };

    private readonly List<Entry> _entries = [];

    /// <inheritdoc />
    public int Count => _entries.Count;

    /// <inheritdoc />
    public bool IsReadOnly { get; private init; }

    private List<Entry> Writable => IsReadOnly ? throw new InvalidOperationException("Object is read only") : _entries;

    /// <inheritdoc />
    public Entry this[int index]
    {
        get => _entries[index];
        set => Writable[index] = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>The last entry with this key, or null.</summary>
    public Entry? Get(string key) => _entries.FindLast(e => e.Has(key));

    /// <summary>The text of the last entry with this key, or null. A binary entry has no text and throws.</summary>
    public string? GetValue(string key) => Get(key)?.Value;

    /// <summary>The bytes of the last entry with this key, or null.</summary>
    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    /// <summary>All entries with this key, in order.</summary>
    public IEnumerable<Entry> GetAll(string key) => _entries.Where(e => e.Has(key));

    /// <summary>Adds a text entry.</summary>
    public void Add(string key, string value) => Add(new Entry(key, value));

    /// <summary>Adds a binary entry; the key must end in "-bin".</summary>
    public void Add(string key, byte[] valueBytes) => Add(new Entry(key, valueBytes));

    /// <inheritdoc />
    public void Add(Entry item) => Writable.Add(item ?? throw new ArgumentNullException(nameof(item)));

    /// <inheritdoc />
    public void Insert(int index, Entry item) => Writable.Insert(index, item ?? throw new ArgumentNullException(nameof(item)));

    /// <inheritdoc />
    public void RemoveAt(int index) => Writable.RemoveAt(index);

    /// <inheritdoc />
    public bool Remove(Entry item) => Writable.Remove(item);

    /// <inheritdoc />
    public void Clear() => Writable.Clear();

    /// <inheritdoc />
    public int IndexOf(Entry item) => _entries.IndexOf(item);

    /// <inheritdoc />
    public bool Contains(Entry item) => _entries.Contains(item);

    /// <inheritdoc />
    public void CopyTo(Entry[] array, int arrayIndex) => _entries.CopyTo(array, arrayIndex);

    /// <inheritdoc />
    public IEnumerator<Entry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _entries.GetEnumerator();

    /// <summary>One key with a text or a binary value.</summary>
    public class Entry
    {
        private readonly string? _text;
        private readonly byte[]? _bytes;

        /// <summary>A binary entry; the bytes are copied.</summary>
        public Entry(string key, byte[] valueBytes)
        {
            ArgumentNullException.ThrowIfNull(valueBytes);
            Key = NormalizeKey(key);
            if (!EndsInBinarySuffix(Key))
            {
                throw new ArgumentException($"Metadata key '{key}' has a binary value and must end in '{BinaryHeaderSuffix}'.");
            }

            _bytes = (byte[])valueBytes.Clone();
        }

        /// <summary>A text entry (printable ASCII).</summary>
        public Entry(string key, string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Key = NormalizeKey(key);
            if (EndsInBinarySuffix(Key))
            {
                throw new ArgumentException($"Metadata key '{key}' has a text value and must not end in '{BinaryHeaderSuffix}'.");
            }

            _text = value;
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>True when the value is bytes.</summary>
        public bool IsBinary => _text is null;

        /// <summary>The text; a binary entry throws.</summary>
        public string Value => _text ?? throw new InvalidOperationException("Cannot access string value of a binary metadata entry");

        /// <summary>A copy of the bytes; for a text entry its ASCII bytes.</summary>
        public byte[] ValueBytes => _bytes is null ? Encoding.ASCII.GetBytes(_text!) : (byte[])_bytes.Clone();

        /// <inheritdoc />
        public override string ToString() => IsBinary
            ? $"[Entry: key={Key}, valueBytes={_bytes!.Length} bytes]"
            : $"[Entry: key={Key}, value={_text}]";

        internal bool Has(string key) => string.Equals(Key, key, StringComparison.OrdinalIgnoreCase);

        private static bool EndsInBinarySuffix(string key) => key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        private static string NormalizeKey(string key)
        {
            ArgumentNullException.ThrowIfNull(key);
            if (key.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-')))
            {
                throw new ArgumentException(
                    $"Metadata key '{key}' is not valid: only letters, digits, underscores, hyphens and dots are.", nameof(key));
            }

            return key.ToLowerInvariant();
        }
    }
}
