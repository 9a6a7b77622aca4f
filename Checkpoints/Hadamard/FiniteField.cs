namespace QuaRot.Checkpoints.Hadamard;

/// <summary>The finite field GF(p^e), as far as a Paley matrix needs it: differences and the quadratic character.</summary>
/// <remarks>
/// An element is the number whose base-p digits are the coefficients of its polynomial, lowest power first.
/// Degree 1 to 3 only: there a polynomial without a root is irreducible, so that the modulus can be found by trial.
/// </remarks>
internal sealed class FiniteField
{
    private readonly int _characteristic;
    private readonly int _degree;
    private readonly int[] _modulus;
    private readonly sbyte[] _character;

    private FiniteField(int characteristic, int degree)
    {
        _characteristic = characteristic;
        _degree = degree;
        Order = 1;
        for (int i = 0; i < degree; i++)
        {
            Order *= characteristic;
        }

        _modulus = FindModulus();
        _character = new sbyte[Order];
        Array.Fill(_character, (sbyte)-1, 1, Order - 1);
        for (int x = 1; x < Order; x++)
        {
            _character[Square(x)] = 1;
        }
    }

    /// <summary>Number of elements q = p^e.</summary>
    public int Order { get; }

    /// <summary>The field with <paramref name="order"/> elements, or null when there is none (or its degree is above 3).</summary>
    public static FiniteField? TryCreate(int order)
    {
        int p = 2;
        while (p * p <= order && order % p != 0)
        {
            p++;
        }

        p = p * p > order ? order : p;
        int degree = 0;
        int rest = order;
        while (rest > 1 && rest % p == 0)
        {
            rest /= p;
            degree++;
        }

        return rest == 1 && degree is >= 1 and <= 3 ? new FiniteField(p, degree) : null;
    }

    /// <summary>The quadratic character of x - y: 0 for equal elements, 1 for a square, -1 for a non-square.</summary>
    public sbyte CharacterOfDifference(int x, int y)
    {
        int difference = 0;
        for (int i = 0, place = 1; i < _degree; i++, place *= _characteristic)
        {
            int digit = (x % _characteristic) - (y % _characteristic);
            difference += (digit < 0 ? digit + _characteristic : digit) * place;
            x /= _characteristic;
            y /= _characteristic;
        }

        return _character[difference];
    }

    private int Square(int x)
    {
        int[] digits = Digits(x);
        int[] product = new int[(2 * _degree) - 1];
        for (int i = 0; i < _degree; i++)
        {
            for (int j = 0; j < _degree; j++)
            {
                product[i + j] = (product[i + j] + (digits[i] * digits[j])) % _characteristic;
            }
        }

        return Reduce(product);
    }

    /// <summary>Divides by the monic modulus, highest power first, and returns the remainder as an element.</summary>
    private int Reduce(int[] polynomial)
    {
        for (int power = polynomial.Length - 1; power >= _degree; power--)
        {
            int factor = polynomial[power];
            for (int i = 0; i < _degree; i++)
            {
                int at = power - _degree + i;
                polynomial[at] = (polynomial[at] + (factor * (_characteristic - _modulus[i]))) % _characteristic;
            }
        }

        int value = 0;
        for (int i = _degree - 1; i >= 0; i--)
        {
            value = (value * _characteristic) + polynomial[i];
        }

        return value;
    }

    /// <summary>The coefficients below x^e of the first monic polynomial of degree e without a root.</summary>
    private int[] FindModulus()
    {
        for (int candidate = 0; candidate < Order; candidate++)
        {
            int[] digits = Digits(candidate);
            if (_degree == 1 || !HasRoot(digits))
            {
                return digits;
            }
        }

        throw new InvalidOperationException($"no irreducible polynomial of degree {_degree} over GF({_characteristic})");
    }

    private bool HasRoot(int[] lowerCoefficients)
    {
        for (int x = 0; x < _characteristic; x++)
        {
            int value = 1;
            for (int i = _degree - 1; i >= 0; i--)
            {
                value = ((value * x) + lowerCoefficients[i]) % _characteristic;
            }

            if (value == 0)
            {
                return true;
            }
        }

        return false;
    }

    private int[] Digits(int x)
    {
        int[] digits = new int[_degree];
        for (int i = 0; i < _degree; i++)
        {
            digits[i] = x % _characteristic;
            x /= _characteristic;
        }

        return digits;
    }
}
